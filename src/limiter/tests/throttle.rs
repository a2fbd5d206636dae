//! The throttle against a server that gives less than the quota, on virtual time.

use super::simulation::START;
use crate::limiter::clock::Moment;
use crate::limiter::throttle::{Sent, Throttle, WHOLE, batch_rows, most_rows};
use crate::limiter::turns::{Ask, LOOK_AHEAD, Quota, SECOND, Turn};
use crate::limiter::unlimited::Pacer;
use crate::limiter::window::Limits;
use std::collections::VecDeque;
use std::time::Duration;

const FULL: Limits = Limits {
    requests: 100,
    rows: 50_000,
};
const MILLI: Duration = Duration::from_millis(1);
const IN_FLIGHT: usize = 512;
/// Batches that are cut and have not left.
const CUT_AHEAD: usize = 17;

/// What happened in each second: rows taken, requests, refusals, share in force.
type Second = (u32, u32, u32, u64);

/// A request under way: when its answer comes, what it is, whether it was taken.
type Flying = (Moment, Sent, bool);

/// Rows that a server takes in any second, by the second.
type Capacity = fn(usize) -> u64;

/// An upload to a server that may give less than the quota.
struct Upload {
    largest: u32,
    trip: Duration,
    capacity: Capacity,
    throttle: Throttle,
    quota: Quota,
    line: VecDeque<u32>,
    flying: VecDeque<Flying>,
    taken: VecDeque<(Moment, u32)>,
    ask_at: Moment,
    next_id: u64,
    /// One in so many requests is refused whatever the rate, and what its answer asks to wait.
    moody: Option<(u64, Option<Duration>)>,
}

impl Upload {
    fn new(largest: u32, trip: Duration, capacity: Capacity) -> Self {
        Self {
            largest,
            trip,
            capacity,
            throttle: Throttle::open(),
            quota: Quota::unused(),
            line: VecDeque::new(),
            flying: VecDeque::new(),
            taken: VecDeque::new(),
            ask_at: START,
            next_id: 0,
            moody: None,
        }
    }

    /// Runs for so many seconds in steps of a millisecond.
    fn run(mut self, seconds: usize) -> Vec<Second> {
        let mut curve = vec![(0, 0, 0, WHOLE); seconds];
        let mut now = START;
        loop {
            let second = usize::try_from(now.since(START).as_secs()).unwrap();
            let Some(entry) = curve.get_mut(second) else {
                return curve;
            };
            entry.3 = self.throttle.share();
            self.hear(now);
            self.cut();
            while let Some((rows, taken)) = self.send(now, (self.capacity)(second)) {
                entry.1 += 1;
                entry.0 += if taken { rows } else { 0 };
                entry.2 += u32::from(!taken);
            }
            now = now.after(MILLI);
        }
    }

    /// Takes the answers that have come.
    fn hear(&mut self, now: Moment) {
        while let Some((_, sent, taken)) = self.flying.pop_front_if(|it| it.0 <= now) {
            if taken {
                self.throttle.accepted(now, sent);
            } else {
                let wait = self.moody.and_then(|(_, wait)| wait);
                self.throttle.refused(now, sent, wait);
                self.line.push_front(sent.rows);
            }
        }
    }

    /// Cuts batches ahead of their turn, as a reader would, and halves those that fit badly.
    fn cut(&mut self) {
        let limits = self.throttle.limits(FULL);
        let is_throttled = self.throttle.share() < WHOLE;
        while self.line.len() < CUT_AHEAD {
            let rows = batch_rows(limits, is_throttled).min(self.largest);
            self.line.push_back(rows);
        }
        while let Some(place) = self.line.iter().position(|rows| *rows > most_rows(limits))
            && is_throttled
        {
            let rows = self.line.remove(place).unwrap();
            self.line.insert(place, rows / 2);
            self.line.insert(place, rows.div_ceil(2));
        }
    }

    /// Sends one request if it may go; whether it was taken.
    fn send(&mut self, now: Moment, capacity: u64) -> Option<(u32, bool)> {
        if now < self.throttle.paused_until() || now < self.ask_at || self.flying.len() >= IN_FLIGHT
        {
            return None;
        }
        self.next_id += 1;
        let waiting: Vec<u32> = self.line.iter().copied().take(LOOK_AHEAD).collect();
        let ask = Ask {
            process: 1,
            limits: self.throttle.limits(FULL),
            waiting: &waiting,
            first_since: now,
            slot: self.next_id,
            occupied: SECOND + MILLI * 11,
        };
        match self.quota.admit(now, &ask) {
            Turn::Take(index) => {
                let rows = self.line.remove(index).unwrap();
                let old = |it: &mut (Moment, u32)| now.since(it.0) >= SECOND;
                while self.taken.pop_front_if(old).is_some() {}
                let sum: u64 = self.taken.iter().map(|(_, rows)| u64::from(*rows)).sum();
                // Knuth's multiplicative hash spreads them without a pattern.
                let lot = self.next_id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
                let in_mood = self
                    .moody
                    .is_none_or(|(one_in, _)| !lot.is_multiple_of(one_in));
                let ok = in_mood && sum + u64::from(rows) <= capacity;
                if ok {
                    self.taken.push_back((now, rows));
                }
                self.flying
                    .push_back((now.after(self.trip), Sent { at: now, rows }, ok));
                Some((rows, ok))
            }
            Turn::Wait(until, _) => {
                self.ask_at = until.min(now.after(MILLI * 50));
                None
            }
        }
    }
}

fn batch_at(at: Moment) -> Sent {
    Sent { at, rows: 1_000 }
}

fn totals(curve: &[Second]) -> (u32, u32, u32) {
    curve.iter().fold((0, 0, 0), |sum, second| {
        (sum.0 + second.0, sum.1 + second.1, sum.2 + second.2)
    })
}

/// Five seconds a line: rows taken a second as a bar, requests and refusals.
fn show(title: &str, curve: &[Second]) {
    println!("\n{title}\nsecond  rows/s");
    for (index, seconds) in curve.chunks(5).enumerate() {
        let (rows, requests, refused) = totals(seconds);
        let rows = rows / 5;
        let bar = "#".repeat(usize::try_from(rows / 1_000).unwrap());
        let second = index * 5;
        println!("{second:6} {rows:7} |{bar:50}| {requests:4} sent {refused:3} refused");
    }
}

#[test]
fn a_server_that_gives_less_is_used_well_and_rarely_overrun() {
    let servers: [(&str, u32, Capacity); 3] = [
        (
            "15,000",
            15_000,
            |second| if second < 60 { 50_000 } else { 15_000 },
        ),
        (
            "3,000",
            3_000,
            |second| if second < 60 { 50_000 } else { 3_000 },
        ),
        (
            "45,000",
            45_000,
            |second| if second < 60 { 50_000 } else { 45_000 },
        ),
    ];
    for (name, given, capacity) in servers {
        for (largest, trip) in [
            (10_000, 20),
            (10_000, 200),
            (10_000, 2_000),
            (300, 20),
            (300, 2_000),
        ] {
            let curve = Upload::new(largest, MILLI * trip, capacity).run(160);
            let title =
                format!("{name} rows/s after the first minute, {largest}-row batches, {trip} ms");
            let (rows, requests, refused) = totals(&curve[90..]);
            let given = f64::from(given.min(largest * 100)) * 70.0;
            let used = f64::from(rows) / given;
            println!(
                "{title}: {:.1} % used, {refused} of {requests} refused",
                used * 100.0
            );
            if trip == 20 && largest == 10_000 {
                show(&title, &curve);
            }
            assert!(refused * 50 < requests, "{title}");
            assert!(used >= 0.9, "{title}: {used}");
            assert_eq!(totals(&curve[..60]).2, 0);
        }
    }
}

#[test]
fn the_full_rate_comes_back_when_the_server_does() {
    let servers: [Capacity; 2] = [
        |second| {
            if (60..120).contains(&second) {
                15_000
            } else {
                50_000
            }
        },
        |second| {
            if (60..120).contains(&second) {
                3_000
            } else {
                50_000
            }
        },
    ];
    for capacity in servers {
        let curve = Upload::new(10_000, MILLI * 20, capacity).run(220);
        let title = format!("{} rows/s for one minute", capacity(60));
        show(&title, &curve);
        let mut fives = curve.windows(5).skip(120);
        let back = fives.position(|five| totals(five).0 >= 237_500);
        println!("95 % of the quota again after {back:?} s");
        assert!(back.is_some_and(|seconds| seconds <= 60), "{title}");
        assert_eq!(curve[219].3, WHOLE);
    }
}

#[test]
fn many_refusals_of_one_window_cut_the_rate_once() {
    let mut throttle = Throttle::open();
    for n in 0..20 {
        let now = START.after(MILLI * 40 * n);
        throttle.refused(now, batch_at(now), None);
    }
    assert_eq!(throttle.share(), WHOLE / 2);
    let now = START.after(SECOND + MILLI);
    throttle.refused(now, batch_at(now), None);
    assert!(throttle.share() < WHOLE / 3);
}

#[test]
fn refusals_of_what_left_before_the_cut_are_old_news_however_late_they_come() {
    let mut throttle = Throttle::open();
    for n in 0..30 {
        let sent = START.after(MILLI * 100 * n);
        throttle.refused(sent.after(SECOND * 4), batch_at(sent), None);
    }
    assert_eq!(throttle.share(), WHOLE / 2);
    assert_eq!(throttle.paused_until(), START.after(MILLI * 4_100));
}

#[test]
fn everyone_pauses_for_as_long_as_the_server_says() {
    let mut throttle = Throttle::open();
    throttle.refused(START, batch_at(START), Some(Duration::from_secs(7)));
    throttle.refused(START, batch_at(START), Some(Duration::from_secs(3)));
    assert_eq!(throttle.paused_until(), START.after(Duration::from_secs(7)));
}

#[test]
fn the_rate_never_falls_to_nothing() {
    let mut throttle = Throttle::open();
    for n in 0..100 {
        let now = START.after(SECOND * 2 * n);
        throttle.refused(now, batch_at(now), None);
    }
    let least = Limits {
        requests: 1,
        rows: 3,
    };
    assert_eq!(
        throttle.limits(FULL),
        Limits {
            requests: 1,
            rows: 166
        }
    );
    assert_eq!(
        throttle.limits(least),
        Limits {
            requests: 1,
            rows: 1
        }
    );
}

#[test]
fn without_limits_only_a_refusal_slows_down() {
    let mut pacer = Pacer::open();
    for n in 0..100 {
        assert_eq!(pacer.take(START.after(MILLI * n), 1_000), Ok(()));
    }
    let now = START.after(MILLI * 100);
    pacer.refused(now, batch_at(now), None);
    assert_eq!(pacer.take(now, 1_000), Err(now.after(MILLI * 100)));
    let now = now.after(MILLI * 100);
    assert_eq!(pacer.take(now, 1_000), Ok(()));
    // 100,000 rows in the last second, half of it: one in 20 ms.
    let next = pacer.take(now, 1_000).unwrap_err().since(now);
    assert!(next >= MILLI * 20 && next < MILLI * 21);
    assert_eq!(pacer.max_rows(), 4_166);
    assert_eq!(pacer.most_rows(), 8_332);
}

/// The first request of an upload was refused: that it was small said that the server takes little.
#[test]
fn without_limits_a_refusal_at_the_beginning_does_not_make_an_upload_crawl() {
    let mut pacer = Pacer::open();
    assert_eq!(pacer.take(START, 100), Ok(()));
    pacer.refused(
        START,
        Sent {
            at: START,
            rows: 100,
        },
        None,
    );
    let now = START.after(MILLI * 100);
    assert_eq!(pacer.take(now, 100), Ok(()));
    let next = pacer.take(now, 100).unwrap_err().since(now);
    assert!(next < MILLI * 10, "{next:?}");
    assert!(pacer.max_rows() > 1_000);
}

/// Refusals that have nothing to do with the rate made an upload slower and slower, without end: to a
/// request a second.
#[test]
fn refusals_at_random_do_not_make_an_upload_crawl() {
    for (one_in, wait, least) in [
        (100, None, 3_000),
        (50, None, 10_000),
        (20, None, 5_000),
        (10, None, 10_000),
        (3, None, 500),
        (20, Some(SECOND), 5_000),
        (10, Some(SECOND), 4_000),
        (3, Some(SECOND), 4_000),
    ] {
        for largest in [10_000, 300] {
            let mut upload = Upload::new(largest, MILLI * 20, |_| 50_000);
            upload.moody = Some((one_in, wait));
            let curve = upload.run(600);
            let rows = totals(&curve[300..]).0 / 300;
            let title = format!("1 in {one_in}, wait {wait:?}, {largest}-row batches");
            println!("{title}: {rows} rows/s after five minutes");
            assert!(rows >= least, "{title}");
        }
    }
}
