//! Wire forms of the Huawei Cloud services that rows may come from or be told to.
//!
//! Only the signature so far. Nothing here knows the platform's own protocol.

mod sign;

pub use sign::{CLOCK_WINDOW, HuaweiKey, HuaweiRequest, sign, verify};
