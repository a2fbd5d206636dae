//! Registration: what is known before the first request, and who holds it.

use super::*;
use crate::domain::GuardChange;

#[test]
fn everything_registered_blocks_its_date_before_anything_is_read() {
    let desk = Desk::with(|wanted| wanted.inputs.push(new_input("b.jsonl", 2)));
    let names: Vec<String> = desk
        .missing()
        .into_iter()
        .filter_map(|unmet| match unmet {
            Unmet::InputUnfinished { name, .. } => Some(name),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["a.jsonl", "b.jsonl"]);
}

#[test]
fn a_registration_that_fails_leaves_nothing_behind() {
    let desk = Desk::new();
    let inputs = [
        new_input("b.jsonl", 2),
        known_input("a.jsonl", 1, desk.input.id),
    ];
    let mut wanted = registration(&["2022-01-01"], &inputs);
    wanted.newest_known = desk.input.id.0;
    let failed = desk.ledger.register(wanted).committed_blocking();
    assert!(
        matches!(failed, Err(LedgerError::Busy { .. })),
        "{failed:?}"
    );
    assert_eq!(desk.value::<i64>("SELECT count(*) FROM input"), 1);
    assert_eq!(desk.value::<i64>("SELECT count(*) FROM run"), 1);
}

#[test]
fn a_date_keeps_its_epoch_and_guards_from_run_to_run() {
    let desk =
        Desk::with(|wanted| wanted.partitions[0].guards.min_rows = Some(GuardChange::Set(5)));
    let (epoch, guards) = (desk.row.epoch, desk.row.guards.clone());
    assert_eq!(guards.min_rows, Some(5));
    let desk = desk.end_and_run_again();
    assert_eq!((desk.row.epoch, desk.row.guards), (epoch, guards));
}

#[test]
fn epochs_differ_between_dates_and_a_seed_is_taken_as_given() {
    let seed = crate::domain::Epoch([3; 16]);
    let desk = Desk::with(|wanted| {
        wanted.partitions.push(partition_intent("2022-01-02"));
        wanted.partitions.push(partition_intent("2022-01-03"));
        wanted.partitions[0].seed = Some(seed);
    });
    assert_eq!(desk.row.epoch, seed);
    let epochs: i64 = desk.value("SELECT count(DISTINCT epoch) FROM partition");
    assert_eq!(epochs, 3);
}

#[test]
fn a_new_input_is_refused_on_a_sealed_and_on_a_done_date() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    let late = |desk: &Desk| {
        let wanted = registration(&["2022-01-01"], &[new_input("late.jsonl", 3)]);
        let refused = desk.ledger.register(wanted).committed_blocking();
        let error = refused.unwrap_err();
        assert!(matches!(error, LedgerError::TooLate { .. }), "{error}");
        assert!(error.to_string().contains("late_input"), "{error}");
        assert_eq!(desk.value::<i64>("SELECT count(*) FROM input"), 1);
    };
    let sealed = desk.sealed();
    late(&desk);
    desk.settle_done(sealed, DoneSettlement::Confirmed).unwrap();
    late(&desk);
}

/// Of two runs that find the same new content for a date, the later one has to look again.
#[test]
fn a_file_as_large_as_one_that_was_registered_meanwhile_may_be_a_copy() {
    let desk = Desk::new();
    let copy = |day| {
        let mut copy = new_input("copy.jsonl", 3);
        let same_size = new_input("a.jsonl", 1).identity.unwrap().size();
        if let Some(InputIdentity::File(file)) = &mut copy.identity {
            file.size = same_size;
        }
        desk.ledger
            .register(registration(&[day], &[copy]))
            .committed_blocking()
    };
    let error = copy("2022-01-01").unwrap_err();
    assert!(matches!(error, LedgerError::Outdated { .. }), "{error}");
    assert!(copy("2022-01-02").is_ok());
}

#[test]
fn an_input_that_is_finished_is_welcome_on_a_done_date_and_needs_no_lock() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    desk.mark_done();
    let mut known = known_input("a.jsonl", 1, desk.input.id);
    known.unfinished = false;
    let registered = desk
        .ledger
        .register(registration(&["2022-01-01"], &[known]))
        .committed_blocking()
        .unwrap();
    assert!(registered.inputs[0].lock.is_none());
    assert_eq!(desk.known().gate, Gate::Done);
}

#[test]
fn a_new_input_opens_a_refused_date_again() {
    let desk = Desk::new();
    let refused = desk
        .ledger
        .mark_refused(desk.row.id, desk.run, "wrong stage".into());
    refused.committed_blocking().unwrap();
    let desk = desk.end_and_run_again();
    assert_eq!(desk.known().gate, Gate::Open);
}

#[test]
fn an_input_read_to_its_end_stays_read_while_its_last_batches_are_sent_again() {
    let mut desk = Desk::new();
    let batch = desk.intend(3);
    desk.finish();
    let desk = desk.crash();
    desk.settle(batch, Settlement::Accepted).unwrap();
    desk.sealed();
}

#[test]
fn an_input_to_which_rows_were_appended_blocks_until_it_is_read_to_its_new_end() {
    let mut desk = Desk::new();
    desk.upload_all(3);
    desk.ledger
        .end_run(desk.run, 0)
        .committed_blocking()
        .unwrap();
    let mut longer = known_input("a.jsonl", 1, desk.input.id);
    let Some(InputIdentity::File(file)) = &mut longer.identity else {
        panic!("{longer:?} is no file");
    };
    file.size += 20;
    longer.stays_read = false;
    desk.input.lock.take();
    let registered = desk
        .ledger
        .register(registration(&["2022-01-01"], &[longer]))
        .committed_blocking();
    let _locks = registered.unwrap();
    assert!(matches!(
        &desk.missing()[..],
        [Unmet::InputUnfinished { .. }]
    ));
    desk.upload_all(2);
    desk.sealed();
}

#[test]
fn an_input_known_for_one_date_blocks_every_further_date_it_is_given_for() {
    let desk = Desk::new();
    desk.ledger
        .end_run(desk.run, 5)
        .committed_blocking()
        .unwrap();
    let Desk {
        dir,
        ledger,
        mut input,
        ..
    } = desk;
    input.lock.take();
    let mut known = known_input("a.jsonl", 1, input.id);
    known.scope = vec![0, 1];
    let wanted = registration(&["2022-01-01", "2022-01-02"], &[known]);
    let registered = ledger.register(wanted).committed_blocking().unwrap();
    let reader = LedgerReader::open(dir.path()).unwrap().unwrap();
    for row in &registered.partitions {
        assert_eq!(reader.inputs(row.id).unwrap().len(), 1);
    }
}

#[test]
fn other_hosts_are_another_target_unless_the_user_says_otherwise() {
    let desk = Desk::new();
    let mut wanted = registration(&["2022-01-01"], &[]);
    wanted.hosts = vec!["elsewhere.example.com".to_owned()];
    let refused = desk.ledger.register(wanted.clone()).committed_blocking();
    assert!(matches!(refused, Err(LedgerError::OtherHosts { .. })));
    wanted.same_target = true;
    desk.ledger.register(wanted).committed_blocking().unwrap();
    let known = desk.reader().targets().unwrap().remove(0);
    assert_eq!(
        known.hosts,
        ["byteair.example.com", "elsewhere.example.com"]
    );
}

#[test]
fn one_of_several_hosts_may_be_swapped_and_a_bare_host_is_a_target_of_its_own() {
    let desk = Desk::with(|wanted| wanted.hosts.push("second.example.com".to_owned()));
    let mut swapped = registration(&["2022-01-01"], &[]);
    swapped.hosts = vec!["second.example.com".into(), "third.example.com".into()];
    desk.ledger.register(swapped).committed_blocking().unwrap();
    assert_eq!(desk.reader().targets().unwrap().len(), 1);
    let mut local = registration(&["2022-01-01"], &[]);
    local.target = Target::new("2100001", "3300002", "127.0.0.1:9000").unwrap();
    local.hosts = vec!["127.0.0.1:9000".to_owned()];
    desk.ledger.register(local).committed_blocking().unwrap();
    assert_eq!(desk.reader().targets().unwrap().len(), 2);
}

#[test]
fn a_run_tells_when_it_ended_and_how() {
    let desk = Desk::new();
    let open: i64 = desk.value("SELECT count(*) FROM run WHERE ended IS NULL");
    assert_eq!(open, 1);
    desk.ledger
        .end_run(desk.run, 7)
        .committed_blocking()
        .unwrap();
    let status: i64 = desk.value("SELECT exit_status FROM run WHERE ended IS NOT NULL");
    assert_eq!(status, 7);
}

/// Of two runs that want the same input, one read on and died before the other got it.
#[test]
fn an_input_in_which_another_run_read_on_has_to_be_looked_up_again() {
    let mut desk = Desk::new();
    desk.intend(3);
    let Desk { input, ledger, .. } = desk;
    let id = input.id;
    drop(input);
    let seen_at = |offset| {
        let mut known = known_input("a.jsonl", 1, id);
        known.read_up_to = Some(offset);
        ledger
            .register(registration(&["2022-01-01"], &[known]))
            .committed_blocking()
    };
    let error = seen_at(0).unwrap_err();
    assert!(matches!(error, LedgerError::Outdated { .. }), "{error}");
    assert!(seen_at(30).is_ok());
}
