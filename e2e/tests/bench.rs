//! The bench, in its short form: everything is measured, on a laboratory of its
//! own, and nothing is left. How fast anything is, no test says.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use e2e::repository;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::eventually_within;

/// Left out, and said so, where Python or its packages cannot be had.
const NEED_PYTHON: [&str; 2] = ["flask", "gunicorn"];

/// How long a laboratory may take until something was measured.
const START_LIMIT: Duration = Duration::from_mins(2);

fn bench(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().expect("cargo starts")
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command
        .args(["lab", "bench"])
        .args(args)
        .current_dir(repository())
        .env("LAB_DIR", folder)
        .env("CARGO_TERM_QUIET", "true")
        .stdin(Stdio::null());
    command
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "takes minutes and installs from PyPI: cargo test -p e2e --test bench -- --ignored"]
fn a_quick_run_measures_everything_writes_it_down_and_leaves_nothing() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("result.json");
    let binaries = test_binaries().display().to_string();
    let written = file.display().to_string();
    let drawings = folder.path().join("plots");
    let plots = drawings.display().to_string();
    let args =
        ["--quick", "--json", "--binaries", &binaries, "--output", &written, "--plots", &plots];
    let output = bench(folder.path(), &args);
    assert!(output.status.success(), "{output:#?}");
    let results: Value = serde_json::from_str(&printed(&output)).expect("JSON");
    let text = std::fs::read_to_string(&file).expect("the file that was asked for");
    assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), results);

    assert_eq!(results["finished"], true);
    assert_eq!(std::fs::read_dir(&drawings).expect("drawings").count(), 3);

    for name in names(folder.path()) {
        let numbers = &results["measurements"][&name];
        if numbers.is_null() {
            assert!(NEED_PYTHON.contains(&&*name), "{name} is missing: {results:#}");
            assert!(results["skipped"][&name].is_string(), "{results:#}");
            continue;
        }
        for number in ["per_second", "events", "seconds"] {
            assert!(median(numbers, number) > 0.0, "{name}.{number}: {numbers:#}");
        }
    }
    costs_and_latencies_are_plausible(&results["measurements"]);
    let targets = results["targets"].as_array().expect("targets");
    assert!(targets.iter().all(|target| target["verdict"].is_string()), "{targets:#?}");
    assert!(results["machine"]["cores"].as_u64() > Some(0), "{results:#}");
    let left = std::fs::read_dir(folder.path().join("bench")).expect("a folder of runs").count();
    assert_eq!(left, 0, "folders of runs are left");
}

fn costs_and_latencies_are_plausible(measurements: &Value) {
    for (name, numbers) in [
        ("send", &["p50_ms", "p99_ms", "cpu_us.rabbitmq", "cpu_us.cliente_x"][..]),
        ("traefik", &["p50_ms", "cpu_us.traefik"]),
        ("batch", &["p50_ms", "peak_mib.cliente_x"]),
        ("contado", &["report_p50_ms", "report_p99_ms", "cpu_us.analiticas"]),
        ("completo", &["cpu_us.analiticas", "peak_mib.cliente_x", "resident_mib.analiticas"]),
        ("cola", &["peak_mib.analiticas"]),
        ("panel", &["panel_p50_ms", "panel_p99_ms", "peak_mib.panel-visual"]),
    ] {
        for number in numbers {
            assert!(median(&measurements[name], number) > 0.0, "{name}.{number}: {measurements:#}");
        }
    }
    for name in ["send", "traefik", "batch", "contado", "completo", "panel"] {
        assert!(median(&measurements[name], "errors").abs() < f64::EPSILON, "{measurements:#}");
    }
}

fn median(numbers: &Value, name: &str) -> f64 {
    let value = numbers[name]["median"].as_f64();
    value.unwrap_or_else(|| panic!("{name} is missing: {numbers:#}"))
}

/// What a quick run measures.
fn names(folder: &Path) -> Vec<String> {
    let output = bench(folder, &["--list", "--quick"]);
    let list = printed(&output);
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    let names: Vec<_> = names.map(str::to_owned).collect();
    assert!(names.len() > 10, "{output:#?}");
    names
}

#[test]
fn an_unknown_measurement_is_refused_with_the_list() {
    let folder = TempDir::new().expect("a folder");
    let binaries = test_binaries().display().to_string();
    let output = bench(folder.path(), &["--only", "sned", "--binaries", &binaries]);
    assert_eq!(output.status.code(), Some(64), "{output:#?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("«sned»") && said.contains("crudo-100"), "{said}");
}

#[tokio::test]
async fn an_interrupted_run_leaves_what_it_had_measured_and_nothing_else() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("result.json");
    let (binaries, written) = (test_binaries().display().to_string(), file.display().to_string());
    let args = ["--quick", "--only", "crudo-100", "--repetitions", "20"];
    let mut run = command(folder.path(), &args);
    run.args(["--binaries", &binaries, "--output", &written]);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("cargo starts");
    // `cargo lab` becomes the program that it ran.
    let pid = Pid::from_raw(i32::try_from(run.id()).expect("a pid"));
    eventually_within(START_LIMIT, "a first measurement", async || {
        file.exists().then_some(()).ok_or_else(|| "no file".to_owned())
    })
    .await;
    kill(pid, Signal::SIGINT).expect("it still runs");
    let output = run.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{output:#?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&written) && said.contains("no queda nada"), "{said}");

    let text = std::fs::read_to_string(&file).expect("what was measured");
    let results: Value = serde_json::from_str(&text).expect("whole JSON");
    assert_eq!(results["finished"], false);
    assert!(median(&results["measurements"]["crudo-100"], "per_second") > 0.0, "{results:#}");
    let left = std::fs::read_dir(folder.path().join("bench")).expect("a folder of runs").count();
    assert_eq!(left, 0, "folders of runs are left");
}

#[test]
fn a_recorded_run_is_drawn_without_measuring_anything() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("recorded.json");
    let cost = |median| json!({ "median": median, "spread": 0.0, "values": [median] });
    let numbers = |median| json!({ "cost_us": cost(median), "cpu_us.rabbitmq": cost(1.0) });
    let recorded = json!({ "measurements": { "ids-0": numbers(2.0), "ids-1e5": numbers(3.0) } });
    std::fs::write(&file, recorded.to_string()).expect("a file");
    let (from, plots) = (file.display().to_string(), folder.path().join("plots"));
    let to = plots.display().to_string();
    let output = bench(folder.path(), &["--plot-from", &from, "--plots", &to]);
    assert!(output.status.success(), "{output:#?}");
    let svg = std::fs::read_to_string(plots.join("bench-ids.svg")).expect("a drawing");
    assert!(svg.contains("ids remembered") && svg.contains("10⁵"), "{svg}");
    assert_eq!(std::fs::read_dir(&plots).expect("drawings").count(), 1);

    std::fs::write(&file, r#"{ "measurements": {} }"#).expect("a file");
    let nothing = bench(folder.path(), &["--plot-from", &from, "--plots", &to]);
    assert_eq!(nothing.status.code(), Some(1), "{nothing:#?}");
    let without = bench(folder.path(), &["--plot-from", &from]);
    assert_eq!(without.status.code(), Some(2), "{without:#?}");
}

#[test]
fn help_says_what_the_exit_code_says() {
    let folder = TempDir::new().expect("a folder");
    let help = printed(&bench(folder.path(), &["--help"]));
    for words in ["--strict", "--plot-from", "no se alcanza alguna meta", "Termina con 0"] {
        assert!(help.contains(words), "{words}: {help}");
    }
}

/// The services as this run of the tests built them.
fn test_binaries() -> PathBuf {
    let program = std::env::current_exe().expect("a path");
    let folder = program.parent().and_then(Path::parent);
    folder.expect("cargo puts tests into a folder below the programs").to_owned()
}
