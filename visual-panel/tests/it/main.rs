//! The real panel, on a port of its own, in front of an analytics played by
//! the test: what a browser is told in each state of the world.

mod audit;
mod audit_records;
mod door;
mod fake;
mod fixture;
mod laboratory;
mod outage;
mod pages;
mod service;
