//! The pages of what is recorded beside messages, with an audit proxy played by the test.

use serde_json::json;

use crate::audit::{audit, look, panel};

#[actix_web::test]
async fn who_looked_for_which_text_stands_beside_who_looked_at_what() {
    let audit = audit("administrador");
    let looked = json!({"a_las": "2026-11-23T12:00:00Z", "cuenta": "eva", "mensaje": null,
        "clave": "77", "origen": null, "tipo": "alta", "desde": 0, "bytes": 9});
    audit.answers("GET /consultas", 200, &json!({"consultas": [looked], "siguiente": "5"}));
    let searched = json!({"a_las": "2026-11-23T12:00:00Z", "cuenta": "ana",
        "texto": "<b>4711</b>", "para": "fichero"});
    audit.answers("GET /busquedas", 200, &json!({"busquedas": [searched], "siguiente": "7"}));
    let page = look(&panel(&audit), "/auditoria/consultas?cuenta=ana").await;
    for part in [
        "<bdi>eva</bdi>",
        "<bdi>&#60;b&#62;4711&#60;/b&#62;</bdi>",
        "descargarlo",
        r#"href="auditoria/consultas?cuenta=ana&#38;pagina=5""#,
        r#"href="auditoria/consultas?cuenta=ana&#38;busquedas=7#busquedas""#,
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[actix_web::test]
async fn the_rule_of_all_kinds_is_named_as_that() {
    let audit = audit("administrador");
    let rule = |kind| json!({"tipo": kind, "ocultos": ["dni"], "cambiada": "2026-11-23T12:00:00Z", "por": "ana"});
    audit.answers("GET /reglas", 200, &json!({"reglas": [rule("*"), rule("alta")]}));
    let page = look(&panel(&audit), "/auditoria/reglas").await;
    assert!(page.contains("<bdi>*</bdi> · todos los tipos"), "{page}");
    assert!(page.contains("<bdi>alta</bdi></h3>"), "{page}");
}

#[actix_web::test]
async fn what_an_application_adds_is_shown_as_it_came() {
    let audit = audit("lector");
    let fields = r#"{"b": 12345678901234567890123,"a":1.10,"a":"\ud800","e":1e400}"#;
    let event = format!(
        r#"{{"recibido":"2026-11-23T12:00:00Z","hora":"2026-11-23T12:00:00Z","sistema":"redmine",
            "nivel":"info","texto":"x","campos":{fields}}}"#
    );
    let body = format!(r#"{{"eventos":[{event}],"perdidos":[],"siguiente":null}}"#);
    audit.answers_as_written("GET /eventos", 200, &body);
    let page = look(&panel(&audit), "/auditoria/eventos").await;
    assert!(page.contains(&fields.replace('"', "&#34;")), "{page}");
}
