//! Every reader: of another language, without scripts, with a telephone, with
//! a keyboard alone, with a screen reader.

use e2e::{Browser, Stack};
use serde_json::json;

use super::panel::{at, is_counted, send_one, shows_the_total};

/// All pages, the story of one message among them.
async fn pages(stack: &Stack) -> [String; 4] {
    let id = send_one(stack, "lectora", "un mensaje").await;
    is_counted(stack, &id).await;
    [String::new(), format!("historia?id={id}"), "romper".to_owned(), "prueba".to_owned()]
}

pub(crate) async fn the_language_is_chosen_once_and_remembered(stack: &Stack) {
    Browser::visit(1280, async |browser| {
        for (page, spanish, english) in
            [("prueba", "La prueba", "The proof"), ("", "Desacoplamiento", "Decoupling")]
        {
            browser.go(&at(stack, page)).await;
            speaks(browser, "es", spanish).await;
            browser.click(".idioma button").await;
            speaks(browser, "en", english).await;
            let url = browser.page.current_url().await.expect("a page");
            assert_eq!(url.as_str(), at(stack, page), "one stays where one was");
            browser.page.refresh().await.expect("a reload");
            speaks(browser, "en", english).await;
            browser.go(&at(stack, "romper")).await;
            speaks(browser, "en", "Break it").await;
            browser.click(".idioma button").await;
            speaks(browser, "es", "Rómpalo").await;
        }
        // What comes by the stream speaks as the page does.
        browser.go(&at(stack, "")).await;
        browser.click(".idioma button").await;
        let id = send_one(stack, "anglofona", "").await;
        browser.has(&format!("[data-id='{id}']")).await;
        browser.says("#total-titulo", "Events counted").await;
        browser.says(".camino-frase", "counted").await;
    })
    .await;
}

async fn speaks(browser: &Browser, code: &str, title: &str) {
    browser.says("h1", title).await;
    assert_eq!(browser.value("document.documentElement.lang").await, Ok(json!(code)));
}

pub(crate) async fn without_scripts_pages_are_complete_and_refresh_themselves(stack: &Stack) {
    Browser::visit(1280, async |browser| {
        browser.run_no_scripts().await;
        let [_, story, ..] = pages(stack).await;
        browser.go(&at(stack, &story)).await;
        browser.says(".lugar", "Contado").await;
        browser.go(&at(stack, "prueba")).await;
        browser.says(".balance", "Confirmados por RabbitMQ").await;
        browser.go(&at(stack, "")).await;
        assert_eq!(browser.value("document.documentElement.className").await, Ok(json!("")));
        browser.has(".ancha .cola .cuanto").await;
        browser.has(".curva").await;
        for _ in 0..2 {
            let id = send_one(stack, "sin_guion", "").await;
            browser.has(&format!("[data-id='{id}']")).await;
            shows_the_total(stack, browser).await;
        }
        // A part of the picture leads to its explanation.
        browser.click(".ancha a.cola").await;
        browser.until("location.hash === '#que-es-cola'").await;
    })
    .await;
}

pub(crate) async fn on_a_telephone_nothing_scrolls_sideways(stack: &Stack) {
    let pages = pages(stack).await;
    Browser::visit(390, async |browser| {
        for page in &pages {
            browser.go(&at(stack, page)).await;
            browser.has("main h1").await;
            let over =
                "document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(browser.value(over).await, Ok(json!(0)), "/{page}");
            // The picture stands upright instead of shrinking.
            if page.is_empty() {
                let upright = "['.ancha', '.alta'].map((one) => document.querySelector(one).checkVisibility())";
                assert_eq!(browser.value(upright).await, Ok(json!([false, true])));
            }
        }
    })
    .await;
}

pub(crate) async fn axe_finds_nothing_wrong_in_light_and_dark_wide_and_narrow(stack: &Stack) {
    let pages = pages(stack).await;
    Browser::visit(1280, async |browser| {
        for scheme in ["light", "dark"] {
            browser.prefer(scheme, "no-preference").await;
            for width in [1280, 390] {
                browser.resize(width).await;
                for page in &pages {
                    browser.go(&at(stack, page)).await;
                    browser.has("main h1").await;
                    browser.is_accessible().await;
                }
            }
        }
    })
    .await;
}

/// What a keyboard must reach: everything that can be used and is seen.
const USABLE: &str =
    "[...document.querySelectorAll('a[href], button, input, summary, [tabindex=\"0\"]')]
    .filter((one) => !one.disabled && one.type !== 'hidden' && one.checkVisibility())";

pub(crate) async fn a_keyboard_reaches_and_opens_everything(stack: &Stack) {
    Browser::visit(1280, async |browser| {
        for page in ["romper", "prueba", "historia", ""] {
            browser.go(&at(stack, page)).await;
            browser.has("main h1").await;
            reaches_everything(browser).await;
        }
        opens_and_closes_an_explanation(browser).await;
    })
    .await;
}

/// Goes once around the page with the tab key.
async fn reaches_everything(browser: &Browser) {
    let usable = browser.value(&format!("{USABLE}.length")).await.expect("a number");
    let usable = usable.as_u64().expect("a number");
    // Which of them has the focus; parts may be exchanged meanwhile.
    let focused = format!("{USABLE}.indexOf(document.activeElement)");
    let mut reached = std::collections::BTreeSet::new();
    for _ in 0..usable {
        browser.press("\u{e004}").await;
        let place = browser.value(&focused).await.expect("a number").as_i64().expect("a number");
        let visible = "document.activeElement.matches(':focus-visible')";
        assert_eq!(browser.value(visible).await, Ok(json!(true)), "after {reached:?}");
        reached.insert(place);
    }
    let all: Vec<_> = (0..usable).filter_map(|place| i64::try_from(place).ok()).collect();
    assert_eq!(reached.into_iter().collect::<Vec<_>>(), all, "of what can be used");
}

async fn opens_and_closes_an_explanation(browser: &Browser) {
    for part in ["emisor", "exchange", "enlace", "cola", "consumidor", "cuenta", "muerta"] {
        let link = format!(".ancha a[data-que-es='{part}']");
        let focus = format!("document.querySelector(\"{link}\").focus()");
        browser.page.execute(&focus, Vec::new()).await.expect("a focus");
        browser.press("\u{e007}").await;
        browser.has(".que-es:popover-open").await;
        let text = browser.text(&format!("#que-es-{part} dd")).await.expect("a text");
        browser.says(".que-es:popover-open", &text).await;
        if part == "emisor" {
            browser.is_accessible().await;
        }
        browser.press("\u{e00c}").await;
        browser.until("document.querySelector('.que-es:popover-open') === null").await;
        let returned = format!("document.activeElement.matches(\"{link}\")");
        assert_eq!(browser.value(&returned).await, Ok(json!(true)), "{part}");
    }
}
