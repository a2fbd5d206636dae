//! The pages for a browser: what they say, that nothing in them can act, and how they look.

use crate::browser::{Browser, Colours, address_of};
use crate::recorder::{Recorder, Reply, eventually};
use crate::start::Place;
use std::fs;

/// Three days: done, with rejected rows, and none between; one of the runs was throttled.
fn uploaded() -> Place {
    let recorder = Recorder::answering(|_, number| match number {
        0 => Reply::code(200, 429, "slow down"),
        _ => Reply::ok(),
    });
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 1_234);
    place.file("b<i>.jsonl", "{\"id\":1}\nnot json <b>\n{\"id\":2\n");
    place
        .end("write -t item -s history_sync -d 2022-01-29 a.jsonl")
        .expect(0);
    place
        .end("write -t item -s history_sync -d 2022-02-02 b<i>.jsonl")
        .expect(3);
    place.end("status --html status.html").expect(0);
    place
}

#[test]
fn the_page_of_status_shows_days_rejects_runs_and_how_they_went() {
    let place = uploaded();
    let page = fs::read_to_string(place.path("status.html")).unwrap();
    for wanted in [
        "2022-01-29 done, 1,234 accepted",
        "2022-02-02 rejected, 1 accepted, 2 rejected: 2 row(s) are rejected",
        "item history_sync 2022-01-30 to 2022-02-01</b> is missing",
        "byteair-sync rejects list --topic item --stage history_sync --date 2022-02-02",
        "most in a day: 1,234",
        "b&lt;i&gt;.jsonl:2",
        "item history_sync 2022-01-29</summary>",
        "after 0.0s: 1 times throttled (429)",
        "after 0.0s: 1 retries",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    for never in ["<script", "<b>\n", "b<i>", "http://", "https://", "url("] {
        assert!(!page.contains(never), "{never}: {page}");
    }
    place
        .end("status --html nowhere/page.html")
        .expect(2)
        .says("--html");
    // Of another topic there is nothing to show.
    place.end("status -t user --html user.html").expect(8);
}

#[test]
fn the_course_of_a_run_is_kept_with_its_summary() {
    let place = uploaded();
    let runs = fs::read_dir(place.path(".local/state/byteair-sync/runs")).unwrap();
    let mut timelines = Vec::new();
    for run in runs {
        let text = fs::read(run.unwrap().path().join("summary.json")).unwrap();
        let summary: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(summary["type"], "summary");
        timelines.push(summary["timeline"].clone());
    }
    let sum = |what: &str| -> u64 {
        let points = timelines.iter().map(|it| it["points"].as_array().unwrap());
        points.flatten().map(|it| it[what].as_u64().unwrap()).sum()
    };
    let sums = ["rows", "requests", "retries", "throttled"].map(sum);
    // Two batches and a `done`, and the one that was throttled.
    assert_eq!(sums, [1_235, 4, 1, 1]);
}

#[test]
fn the_page_of_status_is_readable_in_light_and_dark_and_on_a_narrow_screen() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let place = uploaded();
    let address = address_of(&place, "status.html");
    for (colours, width) in [
        (Colours::Dark, 1280),
        (Colours::Light, 1280),
        (Colours::Light, 500),
    ] {
        let picture = browser.picture(&address, colours, width);
        let background = picture.background();
        match colours {
            Colours::Dark => assert!(background < 60, "{background}"),
            Colours::Light => assert!(background > 200, "{background}"),
        }
        let contrasting = picture.contrasting();
        assert!(contrasting > 5_000, "{colours:?} {width}: {contrasting}");
        assert_eq!(picture.width, usize::try_from(width).unwrap());
    }
}

#[test]
fn the_page_of_the_sandbox_shows_what_arrived_while_it_arrives() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let place = Place::new();
    let mut sandbox = place.start(
        "sandbox --listen 127.0.0.1:0 --port-file port --fault status:429=1 --fault-on done",
    );
    eventually("the port file", || place.path("port").exists());
    let port = fs::read_to_string(place.path("port")).unwrap();
    let port: u16 = port.trim().parse().unwrap();
    let mut client = Place::at(([127, 0, 0, 1], port).into());
    client.set("BYTEAIR_AK", "sandbox");
    client.set("BYTEAIR_SK", "sandbox");
    client.rows("rows.jsonl", 0, 1_234);
    client
        .end("write -t item -s history_sync -d 2022-01-01 --retry-for 1ms rows.jsonl")
        .expect(5);
    let address = format!("http://127.0.0.1:{port}/");
    let page = browser.document(&address);
    for wanted in [
        "<b>1,234</b><span class=\"soft\">rows stored</span>",
        "<td class=\"kind\">2022-01-01</td><td class=\"kind warn\">syncing</td><td class=\"n\">1,234</td>",
        "Faults injected: status:429: 1",
        "write item history_sync 2022-01-01",
        "<td class=\"good\">accepted</td>",
        "not answered; fault status:429",
        "quota 50,000, fullest of these seconds 1,234",
        "1,234 let through, 0 over the quota",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    for colours in [Colours::Dark, Colours::Light] {
        let picture = browser.picture(&address, colours, 1280);
        assert!(picture.contrasting() > 5_000, "{colours:?}");
        assert_eq!(picture.background() < 60, colours == Colours::Dark);
    }
    sandbox.kill().unwrap();
    sandbox.wait().unwrap();
}
