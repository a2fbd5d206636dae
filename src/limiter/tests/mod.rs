//! Tests of the limiter: the rule on virtual time, the quota file, real sockets.

mod batches;
mod quota_file;
mod simulation;
mod socket;
mod throttle;
mod turns;
