//! The options of `sandbox` (`cli.md` section 8).

use crate::cli::value::{DurationRange, at_least, duration_range};
use crate::sandbox::{FaultOn, FaultRule};
use clap::Args;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Faults, each with a rate from 0 to 1 (--fault http:503=0.05):
  http:CODE        answer with that HTTP status, store nothing
  status:CODE      answer with that code in the body, store nothing
                   (to a DIS call: HTTP 400 with DIS.CODE)
  reset-before     cut the connection before the body is read
  reset-after      read the body, store nothing, cut the connection
  lost-reply       store, then cut the connection
  lost-reply:CODE  store, then answer with that HTTP status and HTML
  garbage          answer with bytes that mean nothing
  hang             never answer
  slow             answer late

While it runs:
  GET  /                   live page
  GET  /sandbox/state      what was received, as JSON
  GET  /sandbox/traffic    the last seconds and requests, as JSON
  GET  /sandbox/rows       stored rows; ?topic=&stage=&date= choose
  GET  /sandbox/metadata   metadata events as they were taken
  POST /sandbox/records    lines of the body as records of a DIS stream;
                           ?project=&stream=, &partition=N for one,
                           &whole makes one record of all
  POST /sandbox/stream     ?project=&stream= and split=N, merge=N,M,
                           trim=NUMBER&partition=N, expire (all cursors),
                           empty=N (the next looks bring nothing),
                           anew (numbers from 0) or data_type=BLOB|JSON|CSV
                           with &delimiter= and &compression_format=
  POST /sandbox/limits     other limits from now on, ?qps=20 or
                           ?rows_per_second=15000 or both
  POST /sandbox/reset      starts over, with its first limits

Requests are checked against BYTEAIR_AK and BYTEAIR_SK or BYTEAIR_TOKEN of the
sandbox's own environment; when none is set, each of them is the word sandbox.
So are those to Huawei's services (DIS below /v2, the metadata of DataArts below
/v1) by HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or HUAWEICLOUD_SDK_TOKEN.

Example:
  byteair-sync sandbox --fault lost-reply=5% --fault http:502=5% \\
      --latency 20ms..80ms";

/// Options of `sandbox`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct SandboxArgs {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7431")]
    pub listen: SocketAddr,

    /// File that receives the port once the server answers [default: none]
    #[arg(long, value_name = "FILE")]
    pub port_file: Option<PathBuf>,

    /// Directory that keeps what was received over a restart [default: memory only]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Directory with row schemas, checked as the platform does [default: rows are not checked]
    #[arg(long, value_name = "DIR")]
    pub schema_dir: Option<PathBuf>,

    /// Requests taken in any second before 429
    #[arg(long, value_name = "REQUESTS", default_value = "100", value_parser = at_least(NonZeroU32::MIN))]
    pub qps: NonZeroU32,

    /// Rows taken in any second before 429
    #[arg(long, value_name = "ROWS", default_value = "50000", value_parser = at_least(NonZeroU32::MIN))]
    pub rows_per_second: NonZeroU32,

    /// Time added to each reply, such as 20ms..80ms [default: none]
    #[arg(long, value_name = "MIN..MAX", value_parser = duration_range)]
    pub latency: Option<DurationRange>,

    /// Fault and how often; may be given several times [default: none]
    #[arg(long, value_name = "KIND=RATE", value_delimiter = ',')]
    pub fault: Vec<FaultRule>,

    /// Only requests that get the faults [default: all]
    #[arg(long, value_name = "write|done|huawei")]
    pub fault_on: Option<FaultOn>,

    /// Seed of faults and latency
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,

    /// Speak TLS with a certificate made for this run, which is printed
    #[arg(long)]
    pub tls: bool,

    /// Refused requests occupy their Request-Id as well
    #[arg(long)]
    pub remember_refused: bool,
}
