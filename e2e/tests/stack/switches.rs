//! Every switch that breaks the laboratory, thrown by its button, and what its
//! page promises.

use e2e::{Browser, Stack};
use serde_json::{Value, json};
use test_support::eventually;

use crate::scenarios::{
    faults::send,
    panel::{at, send_one, senders_are},
};

/// Writes down each number that the tank of the page shows, without repetition.
const WATCH_THE_TANK: &str = "
window.niveles = [];
const look = () => {
  const figure = Number(document.querySelector('.cola .cuanto').textContent);
  if (window.niveles.at(-1) !== figure) window.niveles.push(figure);
};
new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
look();
done(true);";

/// What `cargo lab check 1` must have seen once every switch was thrown.
const ACHIEVED: [&str; 9] = [
    "ready",
    "topology",
    "counted",
    "returned",
    "redelivered",
    "poison",
    "retried",
    "early_ack",
    "no_faults",
];

/// As if nobody had thrown a switch yet.
async fn mend(stack: &Stack) {
    let mended = json!({ "pausa": false, "lento_ms": 0, "muere": null });
    let mut all = vec![("ANALYTICS_PORT", mended)];
    let senders = ["CLIENTE_X_PORT", "CLIENTE_UNO_PORT", "CLIENTE_DOS_PORT"];
    all.extend(senders.map(|sender| (sender, json!({ "bloqueado": false }))));
    for (service, mended) in all {
        let put = stack.http.put(stack.url(service, "/fallos")).json(&mended).send().await;
        assert_eq!(put.expect("an answer").status(), 200, "{service}");
    }
}

/// Throws a switch by its button, and waits until the page says that it is done.
async fn throw(stack: &Stack, browser: &Browser, switch: &str) {
    browser.go(&at(stack, "romper")).await;
    browser.click(&format!("#{switch} button:not([disabled])")).await;
    browser.has(".hecho[data-bien='true']").await;
}

/// Throws a switch that stays as it is put, and waits until the page shows it.
async fn hold(stack: &Stack, browser: &Browser, switch: &str, on: bool) {
    throw(stack, browser, switch).await;
    browser.has(&format!("#{switch} button[aria-pressed='{on}']")).await;
}

/// Waits until a switch's card says what was seen of it since.
async fn has_seen(browser: &Browser, switch: &str, words: &str) {
    browser.until(&format!(
        "document.querySelector('#{switch} .visto').textContent.replace(/\\s+/g, ' ').trim() === '{words}'"
    ))
    .await;
}

/// What analytics says of itself.
async fn state(stack: &Stack) -> Result<Value, String> {
    let answer = stack.http.get(stack.url("ANALYTICS_PORT", "/estado")).send().await;
    answer.map_err(|error| error.to_string())?.json().await.map_err(|error| error.to_string())
}

/// One of its numbers.
async fn number(stack: &Stack, name: &str) -> u64 {
    let state = state(stack).await.expect("a state");
    state[name].as_u64().unwrap_or_else(|| panic!("{name}: {state}"))
}

/// Waits until one of its numbers is `wanted`; it may be away meanwhile.
async fn reaches(stack: &Stack, name: &str, wanted: u64) {
    eventually(&format!("{name} is {wanted}"), || async {
        let state = state(stack).await?;
        if state[name] == wanted { Ok(()) } else { Err(state.to_string()) }
    })
    .await;
}

/// The id of the message that a switch sent, by the link to its story.
async fn sent_id(browser: &Browser) -> String {
    let link = browser.value("document.querySelector('.hecho a').href").await.expect("a link");
    let id = link.as_str().and_then(|link| link.split_once("id=")).map(|(_, id)| id.to_owned());
    id.unwrap_or_else(|| panic!("{link}"))
}

/// One reader looks at the picture while another throws the switch.
pub(super) async fn a_pause_fills_the_tank_and_its_end_drains_it(stack: &Stack) {
    mend(stack).await;
    Browser::visit(1280, async |eyes| {
        Browser::visit(1280, async |hands| {
            let total = number(stack, "total").await;
            eyes.go(&at(stack, "")).await;
            let empty = surface(eyes).await;
            eyes.run(WATCH_THE_TANK, &[]).await;
            hold(stack, hands, "pausa", true).await;
            eyes.says(".ancha .consumidor", "no consume").await;
            for wanted in [20, 40] {
                send(stack, "tanque", 20).await;
                eyes.says(".ancha .cola .cuanto", &wanted.to_string()).await;
            }
            eyes.says(".camino-frase", "40 mensajes esperan en la cola").await;
            assert!(surface(eyes).await < empty, "the water has risen");
            a_waiting_message_says_why(stack, hands).await;

            hold(stack, hands, "pausa", false).await;
            eyes.until("document.querySelector('.ancha .cola .cuanto').textContent === '0'").await;
            assert_eq!(surface(eyes).await, empty);
            reaches(stack, "total", total + 41).await;
            let levels = eyes.value("window.niveles").await.expect("numbers");
            assert!(fills_and_drains(&levels), "{levels}");
        })
        .await;
    })
    .await;
}

/// How far below the top of the picture the water begins.
async fn surface(browser: &Browser) -> i64 {
    let surface =
        browser.value("Number(document.querySelector('.ancha').dataset.superficie)").await;
    surface.expect("a number").as_i64().expect("a number")
}

async fn a_waiting_message_says_why(stack: &Stack, browser: &Browser) {
    let id = send_one(stack, "tanque", "").await;
    browser.go(&at(stack, "")).await;
    browser.click(&format!(".intentos a[title='{id}']")).await;
    browser.says(".lugar", "Espera en la cola").await;
    browser.says(".lugar", "ha dejado de consumir").await;
}

/// Whether the levels only rise up to 40 or 41, and only fall from then on.
fn fills_and_drains(levels: &Value) -> bool {
    let levels: Vec<_> =
        levels.as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
    let top = levels.iter().max().copied().unwrap_or_default();
    let place = levels.iter().position(|level| *level == top).unwrap_or_default();
    let (up, down) = levels.split_at(place);
    let ends = levels.first() == Some(&0) && levels.last() == Some(&0);
    ends && (40..=41).contains(&top)
        && levels.len() >= 4
        && up.is_sorted()
        && down.is_sorted_by(|a, b| a >= b)
}

pub(super) async fn slowed_down_it_leaves_messages_unacknowledged(stack: &Stack) {
    mend(stack).await;
    Browser::visit(1280, async |browser| {
        let total = number(stack, "total").await;
        browser.go(&at(stack, "romper")).await;
        browser.click("#lento input[type=number]").await;
        browser.page.execute("document.activeElement.select()", Vec::new()).await.expect("text");
        browser.press("3000").await;
        browser.click("#lento button").await;
        browser.has(".hecho[data-bien='true']").await;
        browser.says("#lento .ahora", "3000 ms").await;
        send(stack, "lenta", 10).await;
        has_seen(browser, "lento", "Sin acuse: 10").await;
        browser.go(&at(stack, "")).await;
        browser.has(".ancha .consumidor[data-estado='lenta']").await;
        // The field offers 0 by itself.
        throw(stack, browser, "lento").await;
        browser.says("#lento .ahora", "0 ms").await;
        reaches(stack, "total", total + 10).await;
        has_seen(browser, "lento", "Sin acuse: 0").await;
    })
    .await;
}

pub(super) async fn blocked_senders_say_so_until_they_are_mended(stack: &Stack) {
    let status = async || {
        let sent = stack.http.post(stack.url("HTTP_PORT", "/send")).send().await;
        let sent = sent.expect("an answer");
        let waits = sent.headers().contains_key("retry-after");
        (sent.status().as_u16(), waits, sent.text().await.expect("text"))
    };
    mend(stack).await;
    Browser::visit(1280, async |browser| {
        hold(stack, browser, "bloqueo", true).await;
        let (code, waits, text) = status().await;
        assert!(code == 503 && waits && text.contains("bloqueado"), "{code} {waits} {text}");
        browser.go(&at(stack, "")).await;
        browser.until(&senders_are("bloqueado")).await;
        browser.says(".camino-frase", "un interruptor del laboratorio").await;
        hold(stack, browser, "bloqueo", false).await;
        assert_eq!(status().await.0, 202);
        browser.go(&at(stack, "")).await;
        browser.until(&senders_are("bien")).await;
    })
    .await;
}

pub(super) async fn what_no_queue_takes_comes_back(stack: &Stack) {
    Browser::visit(1280, async |browser| {
        let total = number(stack, "total").await;
        throw(stack, browser, "sin-cola").await;
        has_seen(browser, "sin-cola", "Devueltos por RabbitMQ: 1").await;
        browser.go(&at(stack, "")).await;
        browser.has(".ancha .devuelto.alguno").await;
        browser.says(".ancha .devuelto", "↩ 1").await;
        assert_eq!(number(stack, "total").await, total);
    })
    .await;
}

pub(super) async fn the_same_sent_twice_counts_once(stack: &Stack) {
    Browser::visit(1280, async |browser| {
        let total = number(stack, "total").await;
        let duplicates = number(stack, "repetidos").await;
        throw(stack, browser, "duplicados").await;
        let id = sent_id(browser).await;
        reaches(stack, "repetidos", duplicates + 1).await;
        reaches(stack, "total", total + 1).await;
        has_seen(browser, "duplicados", &format!("Repetidos reconocidos: {}", duplicates + 1))
            .await;
        browser.go(&at(stack, &format!("historia?id={id}"))).await;
        browser.says(".pasos", "lo reconoció por su id").await;
        browser.has("main[data-estado='contado']").await;
    })
    .await;
}

pub(super) async fn poison_falls_into_the_dead_letters_alone(stack: &Stack) {
    Browser::visit(1280, async |browser| {
        let (total, rejected) = (number(stack, "total").await, number(stack, "rechazados").await);
        throw(stack, browser, "veneno").await;
        let id = sent_id(browser).await;
        reaches(stack, "rechazados", rejected + 1).await;
        has_seen(browser, "veneno", "En la cola de mensajes muertos: 1").await;
        send_one(stack, "vecina", "").await;
        reaches(stack, "total", total + 1).await;
        browser.go(&at(stack, "")).await;
        browser.has(".ancha .muertas.alguno").await;
        browser.says(".camino-frase", "no se pudo contar").await;
        browser.go(&at(stack, &format!("historia?id={id}"))).await;
        browser.has("main[data-estado='muerto']").await;
    })
    .await;
}

pub(super) async fn dying_before_the_acknowledgement_loses_and_repeats_nothing(stack: &Stack) {
    Browser::visit(1280, async |browser| {
        let (total, process) = (number(stack, "total").await, process(stack).await);
        throw(stack, browser, "muere-antes-del-acuse").await;
        let id = sent_id(browser).await;
        is_another_process(stack, &process).await;
        reaches(stack, "reentregados", 1).await;
        assert_eq!(number(stack, "total").await, total + 1);
        has_seen(browser, "muere-antes-del-acuse", "Entregados otra vez: 1").await;
        browser.go(&at(stack, &format!("historia?id={id}"))).await;
        browser.has("main[data-estado='contado']").await;
        browser.go(&at(stack, "")).await;
        browser.has(".ancha .otra-vez.alguno").await;
    })
    .await;
}

/// Nothing can be sent, so nothing happens until it is taken back.
pub(super) async fn a_death_that_waits_can_be_taken_back(stack: &Stack) {
    mend(stack).await;
    Browser::visit(1280, async |browser| {
        let process = process(stack).await;
        hold(stack, browser, "bloqueo", true).await;
        throw(stack, browser, "acuse-antes-de-guardar").await;
        browser.says(".hecho", "con el próximo lote").await;
        browser.says("#acuse-antes-de-guardar", "esperando el próximo lote").await;
        throw(stack, browser, "acuse-antes-de-guardar").await;
        browser.says("#acuse-antes-de-guardar button", "Hacerlo").await;
        hold(stack, browser, "bloqueo", false).await;
        let total = number(stack, "total").await;
        send(stack, "viva", 1).await;
        reaches(stack, "total", total + 1).await;
        assert_eq!(self::process(stack).await, process);
    })
    .await;
}

async fn process(stack: &Stack) -> Value {
    state(stack).await.expect("a state")["proceso"].clone()
}

/// Waits until analytics is there again, by itself.
async fn is_another_process(stack: &Stack, before: &Value) {
    eventually("another process", || async {
        let state = state(stack).await?;
        if state["proceso"] == *before { Err(state.to_string()) } else { Ok(()) }
    })
    .await;
}

/// The last of all: from here on something is missing.
pub(super) async fn an_acknowledgement_before_the_commit_loses_and_the_proof_says_so(
    stack: &Stack,
) {
    Browser::visit(1280, async |browser| {
        browser.go(&at(stack, "prueba")).await;
        browser.has("[data-veredicto='completo']").await;
        browser.says("#perdidos", "0").await;

        let (total, process) = (number(stack, "total").await, process(stack).await);
        throw(stack, browser, "acuse-antes-de-guardar").await;
        let id = sent_id(browser).await;
        is_another_process(stack, &process).await;
        browser.go(&at(stack, "prueba")).await;
        browser.says(".veredicto strong", "Se perdieron mensajes").await;
        browser.says(".veredicto .ids", &id).await;
        browser.says("#perdidos", "1").await;
        browser.is_accessible().await;
        assert_eq!(number(stack, "total").await, total);

        browser.click(&format!(".ids a[href$='{id}']")).await;
        browser.has("main[data-estado='perdido']").await;
        browser.says(".lugar", "perdi").await;
        browser.go(&at(stack, "romper")).await;
        has_seen(browser, "acuse-antes-de-guardar", "Confirmados que nadie tiene: 1").await;
    })
    .await;
}

/// After all the others: it looks at what they left behind.
pub(super) async fn the_check_grades_what_the_switches_did(stack: &Stack) {
    let graded = stack.run(&stack.lab("check 1 --json")).await;
    let sheet: Value = serde_json::from_str(&graded.stdout).expect("JSON");
    let items = sheet["items"].as_array().expect("items");
    let mark = |id: &str| items.iter().find(|item| item["id"] == id).map(|item| &item["mark"]);
    for id in ACHIEVED {
        assert_eq!(mark(id), Some(&json!("achieved")), "{id}: {sheet:#}");
    }
    assert_eq!(graded.code, Some(i32::from(sheet["achieved"] != json!(true))), "{sheet:#}");
}

pub(super) async fn a_switch_works_without_scripts(stack: &Stack) {
    mend(stack).await;
    Browser::visit(390, async |browser| {
        browser.run_no_scripts().await;
        for on in [true, false] {
            throw(stack, browser, "pausa").await;
            let wanted = if on { "en-pausa" } else { "activo" };
            eventually(wanted, || async {
                let state = state(stack).await?;
                if state["consumo"] == wanted { Ok(()) } else { Err(state.to_string()) }
            })
            .await;
            // The page that is shown after it says how it is now.
            browser.has(&format!("#pausa button[aria-pressed='{on}']")).await;
        }
    })
    .await;
}

pub(super) async fn another_site_throws_no_switch(stack: &Stack) {
    let throw = stack.http.post(at(stack, "romper")).body("fallo=pausa&valor=1");
    let throw = throw.header("content-type", "application/x-www-form-urlencoded");
    let answer = throw.header("origin", "http://evil.example").send().await.expect("an answer");
    assert_eq!(answer.status(), 403);
    let asked = stack.http.get(at(stack, "romper?fallo=pausa&valor=1")).send().await;
    assert_eq!(asked.expect("an answer").status(), 200);
    assert_eq!(state(stack).await.expect("a state")["consumo"], json!("activo"));
}
