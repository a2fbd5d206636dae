//! Faults on request: which there are, how they are written, and the dice that choose them.
//!
//! The dice are seeded for each request by its number, so a run can be repeated. What a fault does
//! to a connection is the server's business; nothing here touches one.

use super::settings::SandboxSettings;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// A way in which an exchange can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// Nothing stored; this HTTP status with an HTML page.
    Http(u16),
    /// Nothing stored; HTTP 200 with this code in the reply's status.
    Status(i32),
    /// The connection is reset before the body is read.
    ResetBefore,
    /// The body is read, nothing is stored, the connection is reset.
    ResetAfter,
    /// Stored, then the connection is cut without an answer.
    LostReply,
    /// Stored, then this HTTP status with an HTML page, as a gateway that gave up would send.
    LostReplyHttp(u16),
    /// Stored, then HTTP 200 with bytes that no decoder takes.
    Garbage,
    /// Nothing stored, no answer until the client gives up.
    Hang,
    /// Stored and answered, but only after several seconds.
    Slow,
}

/// Which call the faults are restricted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultOn {
    /// Only write requests.
    Write,
    /// Only `done` requests.
    Done,
    /// Only requests to Huawei's services.
    Huawei,
}

/// A fault and how often it hits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRule {
    /// What happens.
    pub kind: FaultKind,
    /// Probability for one request, 0 to 1.
    pub rate: f64,
}

/// Why a text is not a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFault {
    /// The name or its code is unknown.
    #[error(
        "'{0}' is not a fault; the faults are http:CODE, status:CODE, reset-before, reset-after, lost-reply, lost-reply:CODE, garbage, hang and slow (HTTP codes 200 to 599, status codes other than 0)"
    )]
    Kind(String),
    /// The rate is missing or no probability.
    #[error("'{0}' is not a fault with its rate; write it as reset-after=0.05 or reset-after=5%")]
    Rate(String),
    /// The call is unknown.
    #[error("'{0}' is not a call that faults can be restricted to; use write, done or huawei")]
    Call(String),
}

impl FromStr for FaultKind {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let invalid = || InvalidFault::Kind(text.to_owned());
        let http = |code: &str| match code.parse() {
            Ok(code @ 200..=599) => Ok(code),
            _ => Err(invalid()),
        };
        Ok(match text.split_once(':') {
            Some(("http", code)) => Self::Http(http(code)?),
            Some(("lost-reply", code)) => Self::LostReplyHttp(http(code)?),
            Some(("status", code)) => match code.parse() {
                Ok(0) | Err(_) => return Err(invalid()),
                Ok(code) => Self::Status(code),
            },
            Some(_) => return Err(invalid()),
            None => match text {
                "reset-before" => Self::ResetBefore,
                "reset-after" => Self::ResetAfter,
                "lost-reply" => Self::LostReply,
                "garbage" => Self::Garbage,
                "hang" => Self::Hang,
                "slow" => Self::Slow,
                _ => return Err(invalid()),
            },
        })
    }
}

impl FaultKind {
    /// Whether it strikes after the request was judged, and stored if it was good.
    pub(super) const fn is_late(self) -> bool {
        matches!(
            self,
            Self::LostReply | Self::LostReplyHttp(_) | Self::Garbage | Self::Slow
        )
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(code) => write!(f, "http:{code}"),
            Self::Status(code) => write!(f, "status:{code}"),
            Self::ResetBefore => f.write_str("reset-before"),
            Self::ResetAfter => f.write_str("reset-after"),
            Self::LostReply => f.write_str("lost-reply"),
            Self::LostReplyHttp(code) => write!(f, "lost-reply:{code}"),
            Self::Garbage => f.write_str("garbage"),
            Self::Hang => f.write_str("hang"),
            Self::Slow => f.write_str("slow"),
        }
    }
}

impl FromStr for FaultRule {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let invalid = || InvalidFault::Rate(text.to_owned());
        let (kind, rate) = text.rsplit_once('=').ok_or_else(invalid)?;
        let rate = match rate.strip_suffix('%') {
            Some(percent) => percent.parse::<f64>().map(|percent| percent / 100.0),
            None => rate.parse::<f64>(),
        }
        .map_err(|_| invalid())?;
        if !(0.0..=1.0).contains(&rate) {
            return Err(invalid());
        }
        Ok(Self {
            kind: kind.parse()?,
            rate,
        })
    }
}

impl FromStr for FaultOn {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        match text {
            "write" => Ok(Self::Write),
            "done" => Ok(Self::Done),
            "huawei" => Ok(Self::Huawei),
            other => Err(InvalidFault::Call(other.to_owned())),
        }
    }
}

/// What chance holds for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dice {
    /// The fault that hits, if any.
    pub(super) fault: Option<FaultKind>,
    /// How long the answer is held back.
    pub(super) delay: Duration,
}

impl Dice {
    /// Throws the dice for the request with this number; `call` is `None` for calls that faults
    /// never hit.
    pub(super) fn throw(settings: &SandboxSettings, number: u64, call: Option<FaultOn>) -> Self {
        let mut random = StdRng::seed_from_u64(mix(settings.seed, number));
        let mut fault = None;
        for rule in &settings.faults {
            // Every rule draws, hit or not, so that adding one at the end changes nothing before it.
            let hit = random.random::<f64>() < rule.rate;
            fault = fault.or(hit.then_some(rule.kind));
        }
        let exposed = call.is_some() && (settings.fault_on.is_none() || settings.fault_on == call);
        let fault = fault.filter(|_| exposed);
        let latency = settings.latency.as_ref().filter(|_| call.is_some());
        let mut delay = latency.map_or(Duration::ZERO, |range| draw(&mut random, range));
        if fault == Some(FaultKind::Slow) {
            delay = delay.saturating_add(draw(&mut random, &settings.slow));
        }
        Self { fault, delay }
    }
}

fn draw(random: &mut StdRng, range: &RangeInclusive<Duration>) -> Duration {
    if range.is_empty() {
        return *range.start();
    }
    random.random_range(range.clone())
}

/// Spreads seed and number over all bits (the finaliser of `SplitMix64`), so that neighbouring
/// requests and neighbouring seeds share nothing.
const fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&str; 9] = [
        "http:503",
        "status:500",
        "reset-before",
        "reset-after",
        "lost-reply",
        "lost-reply:502",
        "garbage",
        "hang",
        "slow",
    ];

    fn settings(rules: &[&str], seed: u64) -> SandboxSettings {
        SandboxSettings {
            faults: rules.iter().map(|rule| rule.parse().unwrap()).collect(),
            seed,
            ..SandboxSettings::default()
        }
    }

    fn faults(settings: &SandboxSettings, call: Option<FaultOn>) -> Vec<Option<FaultKind>> {
        (0..2_000)
            .map(|number| Dice::throw(settings, number, call).fault)
            .collect()
    }

    #[test]
    fn every_fault_survives_a_round_trip_and_others_are_refused() {
        for name in ALL {
            assert_eq!(name.parse::<FaultKind>().unwrap().to_string(), name);
        }
        for bad in [
            "", "http", "http:abc", "http:99", "status:0", "reset", "slow:3",
        ] {
            assert!(bad.parse::<FaultKind>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rate_is_a_probability_or_a_percentage() {
        let rule: FaultRule = "lost-reply:502=30%".parse().unwrap();
        assert_eq!(rule.kind, FaultKind::LostReplyHttp(502));
        assert!((rule.rate - 0.3).abs() < 1e-9);
        for bad in ["hang", "hang=", "hang=1.1", "hang=-1", "hang=nan", "=0.1"] {
            assert!(bad.parse::<FaultRule>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_same_seed_meets_the_same_faults_and_another_one_others() {
        let rules = ["hang=0.1", "garbage=0.3"];
        let first = faults(&settings(&rules, 7), Some(FaultOn::Write));
        assert_eq!(first, faults(&settings(&rules, 7), Some(FaultOn::Write)));
        assert_ne!(first, faults(&settings(&rules, 8), Some(FaultOn::Write)));
        let hangs = first
            .iter()
            .filter(|f| **f == Some(FaultKind::Hang))
            .count();
        assert!((100..=320).contains(&hangs), "{hangs} of 2000 at 10%");
    }

    #[test]
    fn the_first_rule_that_hits_wins() {
        let all = faults(&settings(&["slow=1", "hang=1"], 1), Some(FaultOn::Done));
        assert!(all.iter().all(|fault| *fault == Some(FaultKind::Slow)));
    }

    #[test]
    fn faults_keep_to_the_call_they_are_restricted_to() {
        let only_done = SandboxSettings {
            fault_on: Some(FaultOn::Done),
            ..settings(&["hang=1"], 1)
        };
        assert_eq!(Dice::throw(&only_done, 1, Some(FaultOn::Write)).fault, None);
        assert_eq!(Dice::throw(&only_done, 1, None).fault, None);
        assert!(
            Dice::throw(&only_done, 1, Some(FaultOn::Done))
                .fault
                .is_some()
        );
    }

    #[test]
    fn latency_stays_in_its_range() {
        let range = Duration::from_millis(20)..=Duration::from_millis(80);
        let settings = SandboxSettings {
            latency: Some(range.clone()),
            ..SandboxSettings::default()
        };
        for number in 0..1_000 {
            assert!(range.contains(&Dice::throw(&settings, number, Some(FaultOn::Write)).delay));
        }
    }
}
