//! byteair-sync: bulk uploader for the data API of Volcengine's recommendation platform.
//!
//! Data travels one way: file → record → batch → request → response → verdict → ledger → done.
//! Modules stand on floors; a module uses its own folder and lower floors only, never a neighbour:
//!
//! | floor | modules |
//! |---|---|
//! | 0 | [`domain`]: names and invariants, no I/O |
//! | 1 | [`text`]: text from outside made fit to be shown, and pages · [`schema`]: what a row should look like · [`protocol`]: bytes and headers of the services, no sockets · [`retry`]: wait, or stop and why |
//! | 2 | [`input`]: places and bytes become records · [`ledger`]: durable memory · [`limiter`]: the quota · [`http`]: the client |
//! | 3 | [`upload`]: the engine · [`validation`]: what is wrong with rows, without sending any · [`sandbox`]: a local service that speaks the same protocol |
//! | 4 | [`cli`]: arguments, settings, printing, progress · [`jobs`]: several uploads as one |
//! | 5 | [`commands`]: one file a command |

pub mod cli;
pub mod commands;
pub mod domain;
pub mod http;
pub mod input;
pub mod jobs;
pub mod ledger;
pub mod limiter;
pub mod protocol;
pub mod retry;
pub mod sandbox;
pub mod schema;
pub mod text;
pub mod upload;
pub mod validation;
