//! The panel's pages of lab 2, of a proxy that has something to show.

use e2e::{Browser, Stack};
use messages::names;
use reqwest::Method;
use serde_json::json;

use super::{audit::Audit, panel::at};

/// All pages of the audit that can be asked for, but those of one message.
const PAGES: [&str; 9] = [
    "",
    "/estadisticas",
    "/sistemas",
    "/eventos",
    "/conservacion",
    "/cuentas",
    "/reglas",
    "/consultas",
    "/clave",
];

pub(crate) async fn who_logs_in_finds_a_message_and_its_story(stack: &Stack) {
    let audit = Audit::log_in(stack).await;
    let (shop, depot) = (audit.register("kiosco").await, audit.register("taller").await);
    let id = shop.publish("taller", "pedido.urgente", json!({ "pedido": "<b>4712</b>" })).await;
    audit.is(id, "reenviado").await;
    let done = json!({ "mensaje": id, "origen": "kiosco", "estado": "procesado" });
    depot.publish(names::NOTIFICATIONS, names::NOTIFICATION_TYPE, done).await;
    audit.is(id, "procesado").await;

    let password = stack.audit_password().await;
    Browser::visit(1280, async |browser| {
        // Wanted first, and come to after the login.
        browser.go(&at(stack, "auditoria?tipo=pedido.urgente")).await;
        browser.says("h1", "Entrar").await;
        log_in(browser, "otra clave cualquiera").await;
        browser.says("#entrada-mal", "no son correctas").await;
        log_in(browser, &password).await;
        browser.says("table", "pedido.urgente").await;
        browser.is_accessible().await;

        browser.click(&format!("a[title='{id}']")).await;
        for step in ["lo creó", "lo recibió", "lo reenvió", "notificó «procesado»"] {
            browser.says("main", step).await;
        }
        browser.is_accessible().await;
        browser.click("form[action='auditoria/contenido'] button").await;
        browser.says("h1", "Contenido").await;
        browser.says("main pre", r#""<b>4712</b>""#).await;
        browser.is_accessible().await;
        browser.go(&at(stack, "auditoria/consultas")).await;
        browser.has(&format!("td a[title='{id}']")).await;

        browser.click(".quien-mira button").await;
        browser.says("main", "Sesión cerrada").await;
        browser.go(&at(stack, "auditoria/consultas")).await;
        browser.says("h1", "Entrar").await;
    })
    .await;
    let (_, looks) = audit.ask(Method::GET, "/consultas?cuenta=admin", None).await;
    assert_eq!(looks["consultas"][0]["mensaje"], id.to_string(), "{looks}");
}

pub(crate) async fn its_pages_are_for_every_reader(stack: &Stack) {
    let password = stack.audit_password().await;
    Browser::visit(1280, async |browser| {
        browser.go(&at(stack, "auditoria/entrar")).await;
        log_in(browser, &password).await;
        browser.says("h1", "Mensajes").await;
        for scheme in ["light", "dark"] {
            browser.prefer(scheme, "no-preference").await;
            for width in [1280, 390] {
                browser.resize(width).await;
                for page in PAGES {
                    browser.go(&at(stack, &format!("auditoria{page}"))).await;
                    browser.has("main h1").await;
                    browser.is_accessible().await;
                    let over = "document.documentElement.scrollWidth \
                                - document.documentElement.clientWidth";
                    assert_eq!(browser.value(over).await, Ok(json!(0)), "{page} at {width}");
                }
            }
        }
    })
    .await;
}

pub(crate) async fn an_administrator_limits_how_much_is_kept(stack: &Stack) {
    let password = stack.audit_password().await;
    Browser::visit(390, async |browser| {
        browser.go(&at(stack, "auditoria/conservacion")).await;
        log_in(browser, &password).await;
        browser.says("main", "No hay topes").await;
        // Far more than there is: others keep messages meanwhile.
        fill(browser, "mib", "4096").await;
        browser.click("button[value=topes]").await;
        browser.says("dl", "de 4096,0").await;
        browser.says("dl", "sin tope").await;
        browser.is_accessible().await;
        let kept = browser.value("document.querySelector('[name=mib]').value").await;
        assert_eq!(kept, Ok(json!("4096")), "who changes the other keeps this one");

        fill(browser, "mib", "").await;
        browser.click("button[value=topes]").await;
        browser.says("main", "No hay topes").await;
    })
    .await;
}

async fn fill(browser: &Browser, field: &str, text: &str) {
    let fill = format!("document.querySelector('[name={field}]').value = arguments[0]");
    browser.page.execute(&fill, vec![json!(text)]).await.expect("a field");
}

async fn log_in(browser: &Browser, password: &str) {
    for (field, text) in [("cuenta", "admin"), ("clave", password)] {
        fill(browser, field, text).await;
    }
    browser.click("form.entrada button").await;
}
