//! Scripts: split by the real parser, then run statement by statement. Every error tells its line.

mod copy;
mod run;
mod split;

pub(crate) use run::run;
