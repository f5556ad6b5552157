//! One whole laboratory, used and broken as a class would, part after part.

mod commands;
mod compare;
#[path = "../scenarios/mod.rs"]
mod scenarios;
mod switches;

use std::sync::Arc;

use e2e::Stack;
use libtest_mimic::{Arguments, Trial};
use nix::{sys::signal::Signal, unistd::Pid};
use scenarios::{
    Scenario, audit, audit_pages, door, faults, live, load, panel, readers, readme, scenarios,
};
use tokio::{process::Child, runtime::Runtime};

/// In this order: the README's numbers begin at zero, and in the end something
/// is lost on purpose.
const SCENARIOS: &[(&str, Scenario)] = &scenarios![
    commands::a_lab_that_is_asked_for_joins_the_one_that_runs,
    readme::every_command_prints_what_it_says,
    commands::status_names_every_part_with_pid_and_ports,
    commands::a_second_up_says_that_it_is_up,
    commands::a_taken_port_is_named_with_its_variable_and_nothing_is_left_running,
    commands::unknown_services_are_refused_with_the_names_there_are,
    commands::logs_show_what_a_service_says,
    commands::the_door_logs_who_came_and_not_what_was_searched,
    door::only_what_is_meant_for_it_goes_through_the_door,
    door::what_is_malformed_or_too_large_is_answered_at_once,
    door::the_stream_passes_the_door_as_it_comes,
    door::the_panels_links_follow_the_prefix,
    door::services_have_the_least_rights,
    audit::its_documentation_works_behind_the_door,
    audit::what_no_system_published_is_refused_and_visible,
    audit::a_message_is_followed_from_one_system_to_another,
    audit::what_is_published_while_it_is_stopped_waits_for_it,
    audit_pages::who_logs_in_finds_a_message_and_its_story,
    audit_pages::its_pages_are_for_every_reader,
    audit_pages::an_administrator_limits_how_much_is_kept,
    audit::who_tries_passwords_without_end_is_held_up,
    load::the_verdict_is_exact_whichever_way_it_goes,
    load::a_load_without_analytics_waits_for_it,
    compare::the_queue_keeps_what_direct_calls_lose,
    faults::fifty_wait_while_analytics_is_stopped,
    faults::after_everything_stopped_the_counts_are_there,
    panel::it_shows_counts_and_loads_nothing_from_elsewhere,
    panel::it_is_light,
    panel::analytics_away_is_said_and_its_return_needs_no_reload,
    panel::a_panel_that_restarts_is_said_and_needs_no_reload,
    live::an_event_is_seen_within_a_second_of_its_send,
    live::events_travel_unless_the_reader_wants_no_movement,
    live::fifty_readers_cost_the_services_no_more_than_one,
    live::hostile_text_is_shown_and_does_nothing,
    readers::the_language_is_chosen_once_and_remembered,
    readers::without_scripts_pages_are_complete_and_refresh_themselves,
    readers::on_a_telephone_nothing_scrolls_sideways,
    readers::axe_finds_nothing_wrong_in_light_and_dark_wide_and_narrow,
    readers::a_keyboard_reaches_and_opens_everything,
    switches::another_site_throws_no_switch,
    switches::a_switch_works_without_scripts,
    switches::a_pause_fills_the_tank_and_its_end_drains_it,
    switches::slowed_down_it_leaves_messages_unacknowledged,
    switches::blocked_senders_say_so_until_they_are_mended,
    switches::what_no_queue_takes_comes_back,
    switches::the_same_sent_twice_counts_once,
    switches::poison_falls_into_the_dead_letters_alone,
    switches::a_death_that_waits_can_be_taken_back,
    switches::dying_before_the_acknowledgement_loses_and_repeats_nothing,
    switches::an_acknowledgement_before_the_commit_loses_and_the_proof_says_so,
    switches::the_check_grades_what_the_switches_did,
];

fn main() -> std::process::ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let stack = Arc::new(Stack::native());
    let trial = |(name, scenario): &(&str, Scenario)| trial(name, *scenario, &runtime, &stack);
    let trials: Vec<_> = SCENARIOS.iter().map(trial).collect();
    if arguments.list {
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    let mut up = runtime.block_on(async { stack.up() });
    let is_up = runtime.block_on(stack.is_up(&mut up));
    let ok = is_up && !libtest_mimic::run(&arguments, trials).has_failed();
    let ended = runtime.block_on(ctrl_c(up, &stack));
    let again = ok && ended && runtime.block_on(lives_again(&stack));
    if !again {
        eprintln!("{}", stack.up_log());
        return std::process::ExitCode::FAILURE;
    }
    std::process::ExitCode::SUCCESS
}

fn trial(name: &str, scenario: Scenario, runtime: &Arc<Runtime>, stack: &Arc<Stack>) -> Trial {
    let (runtime, stack) = (runtime.clone(), stack.clone());
    Trial::test(name, move || {
        runtime.block_on(scenario(&stack));
        Ok(())
    })
}

/// Ctrl-C ends `cargo lab up` in order, and leaves nothing behind.
async fn ctrl_c(mut up: Child, stack: &Stack) -> bool {
    let pid = up.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
    let sent = pid.is_some_and(|pid| nix::sys::signal::kill(pid, Signal::SIGINT).is_ok());
    let ended = up.wait().await.is_ok_and(|status| status.success());
    let left = stack.status().await.unwrap_or_default();
    let stopped = left.values().all(|part| part["state"] == "stopped" && part["pid"].is_null());
    let ok = sent && ended && stopped;
    if !ok {
        eprintln!("Ctrl-C: sent {sent}, ended in order {ended}, left: {left:?}");
    }
    ok
}

/// The counts of before are there after everything ended and began again, in
/// the background this time; and `down` ends that.
async fn lives_again(stack: &Stack) -> bool {
    let up = stack.run("cargo lab up todo --detach").await;
    let report = stack.report().await;
    let down = stack.run("cargo lab down").await;
    let left = stack.run("cargo lab status").await;
    let kept = report.as_ref().is_ok_and(|report| report["total"].as_u64() > Some(0));
    let ok = up.code == Some(0) && kept && down.code == Some(0) && left.code == Some(3);
    if !ok {
        eprintln!("again: {up:?}\n{report:?}\n{down:?}\n{left:?}");
    }
    ok
}
