//! Scripts: split by the real parser, then run statement by statement. Every error tells its line.

mod run;
mod split;
mod write;

pub(crate) use run::run;
