//! Whole laboratories in containers, used and broken as a class would, profile
//! after profile. Only where `RELEVO_TEST_COMPOSE` is set, as `cargo lab test
//! --compose` does: it needs Docker and the images.

mod access;
mod commands;
mod compose_file;
mod hardening;
mod images;
mod laboratories;
mod lifecycle;
mod network;
mod profiles;
mod proof;
#[path = "../scenarios/mod.rs"]
mod scenarios;

use std::{pin::Pin, process::ExitCode, sync::Arc};

use laboratories::Laboratories;
use libtest_mimic::{Arguments, Trial};
use nix::unistd::geteuid;
use scenarios::{
    Scenario, audit, audit_pages, door, faults, live, load, panel, readers, readme, scenarios,
};
use tokio::runtime::Runtime;

/// A scenario that needs no laboratory, or makes its own.
type Apart = fn() -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! apart {
    ($($module:ident :: $name:ident),+ $(,)?) => {
        [$((concat!(stringify!($module), "::", stringify!($name)), || Box::pin($module::$name()))),+]
    };
}

/// What the files alone tell, and small laboratories of a trial's own.
const APART: [(&str, Apart); 8] = apart![
    compose_file::compose_warns_of_nothing,
    compose_file::they_stay_short,
    compose_file::both_files_harden_their_services_alike,
    hardening::a_container_without_any_of_it_is_seen,
    commands::a_laboratory_that_is_not_up_says_so,
    access::guest_stays_out_where_the_network_is_let_in,
    access::passwords_that_everybody_knows_end_a_broker_that_others_reach,
    access::a_bad_password_ends_the_broker_with_its_variables_name,
];

/// In this order: the README's numbers begin at zero.
const BASICO: [(&str, Scenario); 35] = scenarios![
    readme::every_command_prints_what_it_says,
    commands::status_says_what_docker_says,
    commands::there_are_no_dead_messages,
    door::only_what_is_meant_for_it_goes_through_the_door,
    door::what_is_malformed_or_too_large_is_answered_at_once,
    door::the_stream_passes_the_door_as_it_comes,
    door::the_panels_links_follow_the_prefix,
    door::services_have_the_least_rights,
    load::the_verdict_is_exact_whichever_way_it_goes,
    load::a_load_without_analytics_waits_for_it,
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
    hardening::every_container_has_the_least_it_needs,
    hardening::no_process_is_roots,
    network::only_the_door_is_open_to_the_network,
    images::own_images_hold_the_service_and_nothing_else,
    images::no_image_holds_a_password,
    images::no_log_tells_a_password,
    access::users_are_added_as_ever_and_outlive_a_restart,
    faults::fifty_wait_while_analytics_is_stopped,
    faults::after_everything_stopped_the_counts_are_there,
    lifecycle::stop_ends_everything_in_order_and_start_goes_on,
    lifecycle::what_was_counted_and_what_waits_outlives_down,
    lifecycle::a_killed_service_comes_back,
];

const POSTGRES: [(&str, Scenario); 5] = scenarios![
    profiles::both_analytics_share_the_work,
    profiles::one_analytics_is_enough,
    hardening::every_container_has_the_least_it_needs,
    hardening::no_process_is_roots,
    images::no_image_holds_a_password,
];

const CLUSTER: [(&str, Scenario); 5] = scenarios![
    profiles::the_queue_has_three_replicas,
    profiles::a_load_through_the_cluster_is_exact,
    hardening::every_container_has_the_least_it_needs,
    hardening::no_process_is_roots,
    network::only_the_door_is_open_to_the_network,
];

const AUDITORIA: [(&str, Scenario); 13] = scenarios![
    commands::status_says_what_docker_says,
    audit::its_documentation_works_behind_the_door,
    audit::what_no_system_published_is_refused_and_visible,
    audit::a_message_is_followed_from_one_system_to_another,
    audit::what_is_published_while_it_is_stopped_waits_for_it,
    audit_pages::who_logs_in_finds_a_message_and_its_story,
    audit_pages::its_pages_are_for_every_reader,
    audit_pages::an_administrator_limits_how_much_is_kept,
    audit::who_tries_passwords_without_end_is_held_up,
    hardening::every_container_has_the_least_it_needs,
    hardening::no_process_is_roots,
    images::no_image_holds_a_password,
    images::no_log_tells_a_password,
];

const PROOF: [(&str, Apart); 1] =
    apart![proof::every_fault_of_containers_leaves_exactly_what_was_confirmed];

/// Kills a process of a container from outside: its pid must be this machine's,
/// and the user must be root.
const NEEDS_ROOT: &str = "lifecycle::a_killed_service_comes_back";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let wanted = std::env::var_os("RELEVO_TEST_COMPOSE").is_some();
    if !wanted {
        (arguments.ignored, arguments.include_ignored) = (false, false);
    }
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let laboratories = Arc::new(Laboratories::default());
    let trials = trials(&runtime, &laboratories).into_iter();
    let trials = trials.map(|trial| or_ignored(trial, wanted)).collect();
    if arguments.list || !wanted {
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    runtime.spawn(laboratories::clear_away_when_interrupted());
    let conclusion = libtest_mimic::run(&arguments, trials);
    runtime.block_on(laboratories.end());
    if laboratories::nothing_is_left() { conclusion.exit_code() } else { ExitCode::FAILURE }
}

/// A trial that cannot be run says so, and does not fail.
fn or_ignored(trial: Trial, wanted: bool) -> Trial {
    if trial.name().ends_with(NEEDS_ROOT) && !geteuid().is_root() {
        return trial.with_kind("needs root").with_ignored_flag(true);
    }
    trial.with_ignored_flag(!wanted)
}

fn trials(runtime: &Arc<Runtime>, laboratories: &Arc<Laboratories>) -> Vec<Trial> {
    let apart = |(name, scenario): (&str, Apart)| {
        let runtime = runtime.clone();
        Trial::test(name, move || {
            runtime.block_on(scenario());
            Ok(())
        })
    };
    let on = |profile: &'static str| {
        move |(name, scenario): (&str, Scenario)| {
            let (runtime, laboratories) = (runtime.clone(), laboratories.clone());
            Trial::test(format!("{profile}::{name}"), move || {
                runtime.block_on(laboratories.run(profile, scenario));
                Ok(())
            })
        }
    };
    let mut trials: Vec<Trial> = APART.into_iter().map(apart).collect();
    // While no other laboratory runs: it is the heaviest.
    trials.extend(PROOF.into_iter().map(apart));
    trials.extend(BASICO.into_iter().map(on("basico")));
    trials.extend(AUDITORIA.into_iter().map(on("auditoria")));
    trials.extend(POSTGRES.into_iter().map(on("postgres")));
    trials.extend(CLUSTER.into_iter().map(on("cluster")));
    trials
}
