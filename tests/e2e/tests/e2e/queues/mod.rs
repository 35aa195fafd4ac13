//! Queues on a real cluster: what is let in, and what is held.

mod gate;
