//! End-to-end tests, one module for each theme; a test's name is a sentence. They run on the cluster that
//! `tests/e2e/run.sh` brings up, which `make test` calls.

mod autoscaled;
mod certificates;
mod cli;
mod completes;
mod elastic;
mod fields;
mod installs;
mod kubeflow;
mod lifecycle;
mod namespaces;
mod queues;
mod refusals;
mod refuses;
mod reports;
mod restarts;
mod schedules;
mod sharing;
mod sides;
mod survives;
mod ui;
mod watched;
mod webhook;
