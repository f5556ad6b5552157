//! The pages of the audit, with an audit proxy played by the test: who gets to see what,
//! where the token goes, and what is handed on.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    fixture::{Panel, text},
    service::FakeService,
};

const ID: &str = "0195e2a0-1234-7000-8000-000000000000";
const TOKEN: (&str, &str) = ("cookie", "sesion_auditoria=el-token");

/// An audit proxy where somebody of this role is logged in.
pub(crate) fn audit(role: &str) -> FakeService {
    let service = FakeService::start();
    service.answers("GET /sesiones/actual", 200, &who(role));
    service.answers("GET /mensajes", 200, &found(&[]));
    service
}

fn who(role: &str) -> Value {
    json!({"cuenta": "ana", "rol": role, "caduca": "2026-11-23T12:00:00Z"})
}

pub(crate) fn panel(audit: &FakeService) -> Panel {
    Panel::auditing(&audit.url)
}

fn row(id: &str) -> Value {
    json!({"clave": "77", "id": id, "origen": "servicedesk", "destino": "redmine",
           "tipo": "<b>ticket</b>", "correlacion": "ticket 4711", "creado": null,
           "recibido": "2026-11-23T11:00:00Z", "reenviado": null, "asignado": null,
           "notificado": null, "estado": "reenviado", "motivo": null, "tamano": 2,
           "tipo_contenido": "application/json"})
}

fn found(rows: &[Value]) -> Value {
    json!({"mensajes": rows, "siguiente": null, "mirados": null})
}

fn story() -> Value {
    let step = |what: &str, who: &str, at: &str| json!({"paso": what, "a_las": format!("2026-11-23T12:00:{at}Z"), "quien": who});
    let durations = json!({"hasta_recibido_ms": -50.0, "proxy_ms": 4.0, "proceso_ms": null,
                           "relojes_desfasados": true});
    let why = json!({"causa": "sin_consumidor", "cola": "buzon_redmine", "delante": 3,
                     "explicacion": "Espera en «buzon_redmine», y nadie la lee.",
                     "desde": "2026-11-23T12:00:01.004Z"});
    json!({"id": ID, "sin_mensaje": [], "mensajes": [{"clave": "77", "id": ID, "origen": "servicedesk",
        "destino": "redmine", "tipo": "ticket.asignado", "correlacion": null,
        "tipo_de_contenido": "application/json", "bytes": 2, "estado": "reenviado",
        "pasos": [step("creado", "servicedesk", "01.050"), step("recibido", "audit-proxy", "01"),
                  step("reenviado", "audit-proxy", "01.004")],
        "duraciones": durations, "por_que": why}]})
}

pub(crate) async fn look(panel: &Panel, path: &str) -> String {
    text(panel.get(path).header(TOKEN.0, TOKEN.1)).await
}

/// A page that says why not.
async fn fault(panel: &Panel, path: &str, status: u16) -> String {
    let answer = panel.get(path).header(TOKEN.0, TOKEN.1).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), status, "{path}");
    answer.text().await.expect("a body")
}

async fn post(panel: &Panel, path: &str, fields: &[(&str, &str)]) -> Response {
    let request = panel.form(path, fields).header(TOKEN.0, TOKEN.1);
    request.send().await.expect("an answer")
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

#[actix_web::test]
async fn without_an_audit_proxy_the_page_says_so_and_nothing_leads_there() {
    let panel = Panel::start("127.0.0.1:9".parse().expect("an address"));
    assert!(!panel.page("/").await.contains("auditoria"));
    for path in ["/auditoria", "/auditoria/sistemas", "/auditoria/entrar"] {
        let page = fault(&panel, path, 404).await;
        assert!(page.contains("Aquí no hay auditoría en marcha"), "{page}");
    }
}

#[actix_web::test]
async fn whoever_is_not_logged_in_is_sent_to_the_login_and_comes_back() {
    let audit = audit("lector");
    let panel = panel(&audit);
    assert!(panel.page("/").await.contains(r#"<a href="auditoria">"#));
    let place = "/panel/auditoria/entrar?volver=auditoria%3Festado%3Derror";
    let asked = || panel.get("/auditoria?estado=error").header("X-Forwarded-Prefix", "/panel");
    let answer = asked().send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), header(&answer, "location")), (303, place));
    // So is whoever is not any more.
    audit.answers("GET /sesiones/actual", 401, &json!({"detail": "Caducó."}));
    let answer = asked().header(TOKEN.0, TOKEN.1).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), header(&answer, "location")), (303, place));
    let login = panel.page("/auditoria/entrar?volver=auditoria%3Festado%3Derror").await;
    assert!(login.contains(r#"name="volver" value="auditoria?estado=error""#), "{login}");
    let long = panel.get(&format!("/auditoria?texto={}", "ñ".repeat(2000))).send().await;
    let long = long.expect("an answer");
    assert_eq!((long.status().as_u16(), header(&long, "location")), (303, "/auditoria/entrar"));
    let login = panel.page("/auditoria/entrar?volver=%2F%2Fevil.example").await;
    assert!(login.contains(r#"name="volver" value="auditoria""#), "{login}");
}

#[actix_web::test]
async fn the_token_is_kept_by_the_browser_for_these_pages_alone() {
    let audit = audit("lector");
    let session = json!({"token": "el-token", "cuenta": "ana", "rol": "lector",
                         "caduca": "2026-11-23T12:00:00Z"});
    audit.answers("POST /sesiones", 201, &session);
    let panel = panel(&audit);
    let fields = [("cuenta", "ana"), ("clave", "secreta"), ("volver", "auditoria/sistemas")];
    let plain = panel.form("/auditoria/entrar", &fields).header("X-Forwarded-Prefix", "/panel");
    let answer = plain.send().await.expect("an answer");
    assert_eq!(header(&answer, "location"), "/panel/auditoria/sistemas");
    let cookie = "sesion_auditoria=el-token; HttpOnly; SameSite=Strict; Path=/panel/auditoria";
    assert_eq!(header(&answer, "set-cookie"), cookie);
    let secure = panel.form("/auditoria/entrar", &fields).header("X-Forwarded-Proto", "https");
    let answer = secure.send().await.expect("an answer");
    assert!(header(&answer, "set-cookie").contains("; Secure"), "{answer:?}");
    let sent = r#"POST /sesiones {"clave":"secreta","cuenta":"ana"}"#;
    assert_eq!(audit.was_sent(), [sent, sent]);
}

#[actix_web::test]
async fn a_wrong_password_is_said_and_not_shown() {
    let audit = audit("lector");
    audit.answers("POST /sesiones", 401, &json!({"detail": "No."}));
    let panel = panel(&audit);
    let form = panel.form("/auditoria/entrar", &[("cuenta", "ana"), ("clave", "equivocada")]);
    let answer = form.send().await.expect("an answer");
    assert_eq!(header(&answer, "set-cookie"), "");
    let page = answer.text().await.expect("a body");
    assert!(page.contains("La cuenta o la clave no son correctas"), "{page}");
    assert!(page.contains(r#"value="ana""#) && !page.contains("equivocada"), "{page}");
    audit.answers("POST /sesiones", 429, &json!({"detail": "Espere un minuto."}));
    let form = panel.form("/auditoria/entrar", &[("cuenta", "ana"), ("clave", "equivocada")]);
    let page = form.send().await.expect("an answer").text().await.expect("a body");
    assert!(page.contains("Espere un minuto."), "{page}");
}

#[actix_web::test]
async fn the_proxy_is_told_who_asks_in_every_question() {
    let audit = audit("administrador");
    audit.answers("POST /sesiones", 401, &json!({"detail": "No."}));
    let panel = panel(&audit);
    let fields = [("cuenta", "ana"), ("clave", "equivocada")];
    for (address, expected) in [(Some("192.0.2.7"), "192.0.2.7"), (None, "127.0.0.1")] {
        let before = audit.addresses().len();
        let from = |request: reqwest::RequestBuilder| match address {
            Some(address) => request.header("X-Real-Ip", address),
            None => request.header("X-Forwarded-For", "192.0.2.9").header("Forwarded", "for=x"),
        };
        from(panel.form("/auditoria/entrar", &fields)).send().await.expect("an answer");
        let look = from(panel.get("/auditoria")).header(TOKEN.0, TOKEN.1);
        look.send().await.expect("an answer");
        let told = audit.addresses().split_off(before);
        assert!(told.len() >= 2 && told.iter().all(|told| told == expected), "{told:?}");
    }
}

#[actix_web::test]
async fn logging_out_ends_the_session_and_forgets_it() {
    let audit = audit("lector");
    audit.answers("DELETE /sesiones/actual", 204, &Value::Null);
    let panel = panel(&audit);
    let answer = post(&panel, "/auditoria/salir", &[]).await;
    assert_eq!(header(&answer, "location"), "/auditoria/entrar?hecho=salida");
    assert!(header(&answer, "set-cookie").contains("Max-Age=0"), "{answer:?}");
    assert_eq!(audit.was_sent(), ["DELETE /sesiones/actual"]);
    audit.answers("DELETE /sesiones/actual", 503, &Value::Null);
    let answer = post(&panel, "/auditoria/salir", &[]).await;
    assert_eq!(header(&answer, "location"), "/auditoria/entrar?hecho=salida-sin-cerrar");
    assert!(header(&answer, "set-cookie").contains("Max-Age=0"), "{answer:?}");
}

#[actix_web::test]
async fn another_site_can_make_nobody_do_anything() {
    let audit = audit("administrador");
    let panel = panel(&audit);
    for path in ["entrar", "salir", "contenido", "reenviar", "sistemas", "cuentas", "clave"] {
        let form = [("accion", "uno"), ("cuenta", "a"), ("clave", "77")];
        let path = format!("/auditoria/{path}");
        for (name, value) in [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")] {
            let request = panel.form(&path, &form).header(TOKEN.0, TOKEN.1).header(name, value);
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        }
    }
    assert!(audit.was_sent().is_empty(), "{:?}", audit.was_sent());
    assert_eq!(audit.was_asked("GET /mensajes/77/contenido"), 0);
}

#[actix_web::test]
async fn what_strangers_wrote_stays_text_and_only_operators_are_offered_to_resend() {
    let audit = audit("lector");
    audit.answers("GET /mensajes", 200, &found(&[row(ID)]));
    let panel = panel(&audit);
    let page = look(&panel, "/auditoria?tipo=%3Cscript%3E").await;
    assert!(page.contains("&#60;b&#62;ticket") && !page.contains("<script>"), "{page}");
    assert!(page.contains(r#"href="auditoria/mensajes/77""#), "{page}");
    assert!(!page.contains("reenviar") && !page.contains("auditoria/cuentas"), "{page}");
    audit.answers("GET /sesiones/actual", 200, &who("operador"));
    let page = look(&panel, "/auditoria").await;
    assert!(page.contains(r#"name="m" value="77""#), "{page}");
    assert!(!page.contains("auditoria/cuentas"), "{page}");
}

#[actix_web::test]
async fn a_story_shows_its_steps_why_it_waits_and_that_clocks_differ() {
    let audit = audit("lector");
    audit.answers(&format!("GET /mensajes/{ID}"), 200, &story());
    let panel = panel(&audit);
    let page = look(&panel, &format!("/auditoria/mensajes/{ID}")).await;
    for part in [
        "Espera en «buzon_redmine», y nadie la lee.",
        "su reloj va adelantado al menos 50\u{a0}ms",
        "−50\u{a0}ms",
        "+4\u{a0}ms",
        "Relojes desfasados",
        r#"action="auditoria/contenido""#,
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let older = "solo están las cien últimas";
    assert!(!page.contains(older), "{page}");
    let asked = audit.was_asked("GET /mensajes/77/contenido");
    assert_eq!(asked, 0, "a payload is looked at where somebody asks to see it only");
    let mut story = story();
    story["hay_anteriores"] = json!(true);
    audit.answers(&format!("GET /mensajes/{ID}"), 200, &story);
    let page = look(&panel, &format!("/auditoria/mensajes/{ID}")).await;
    assert!(page.contains(older), "{page}");
}

#[actix_web::test]
async fn each_refused_message_is_opened_by_its_key_whatever_its_id_is() {
    let audit = audit("operador");
    let refused = |key: &str, id: Value| {
        let mut row = row(ID);
        (row["clave"], row["id"], row["estado"]) = (json!(key), id, json!("no_admitido"));
        row
    };
    let rows = [refused("7", json!(ID)), refused("8", json!(ID)), refused("9", Value::Null)];
    audit.answers("GET /mensajes", 200, &found(&rows));
    let panel = panel(&audit);
    let page = look(&panel, "/auditoria").await;
    for key in ["7", "8", "9"] {
        assert!(page.contains(&format!(r#"href="auditoria/mensajes/{key}""#)), "{page}");
    }
    let mut stories = story();
    let mut second = stories["mensajes"][0].clone();
    second["clave"] = json!("8");
    stories["mensajes"].as_array_mut().expect("stories").push(second);
    audit.answers(&format!("GET /mensajes/{ID}"), 200, &stories);
    let page = look(&panel, &format!("/auditoria/mensajes/{ID}")).await;
    for key in ["77", "8"] {
        let form = format!(r#"<input type="hidden" name="clave" value="{key}">"#);
        assert_eq!(page.matches(&form).count(), 2, "to look, and to send: {page}");
    }
    let mut nameless = story();
    (nameless["id"], nameless["mensajes"][0]["id"]) = (Value::Null, Value::Null);
    audit.answers("GET /mensajes/9", 200, &nameless);
    assert!(look(&panel, "/auditoria/mensajes/9").await.contains("Llegó sin id."));
    audit.answers("GET /mensajes/9/contenido", 200, &json!({"a": 1}));
    let page = post(&panel, "/auditoria/contenido", &[("clave", "9")]).await;
    assert!(page.text().await.expect("a body").contains("Contenido de un mensaje"));
    assert_eq!(audit.was_asked("GET /mensajes/9/contenido"), 1);
}

#[actix_web::test]
async fn who_may_not_is_told_so_and_what_is_away_or_wrong_too() {
    let audit = audit("lector");
    let panel = panel(&audit);
    for question in ["GET /cuentas", "GET /tokens"] {
        let detail = "Esto requiere el rol «administrador».";
        audit.answers(question, 403, &json!({"detail": detail}));
    }
    let path = format!("/auditoria/mensajes/{ID}");
    audit.answers(&path.replace("/auditoria", "GET "), 404, &json!({"detail": "No se sabe."}));
    for (path, status, words) in [
        ("/auditoria/cuentas", 403, "Esto requiere el rol «administrador»."),
        (path.as_str(), 404, "Aquí no se sabe nada de eso"),
    ] {
        let page = fault(&panel, path, status).await;
        assert!(page.contains(words) && page.contains("<bdi>ana</bdi>"), "{page}");
    }
    let fault =
        json!({"detail": "Corrija «desde».", "errores": [{"donde": "desde", "detalle": "x"}]});
    audit.answers("GET /mensajes", 400, &fault);
    let page = look(&panel, "/auditoria?desde=ayer").await;
    assert!(page.contains("Corrija «desde». · desde: x"), "{page}");
}

#[actix_web::test]
async fn an_audit_proxy_that_is_away_is_said_to_be() {
    let panel = Panel::auditing("http://127.0.0.1:9");
    let page = fault(&panel, "/auditoria", 503).await;
    assert!(page.contains("La auditoría no responde"), "{page}");
}

#[actix_web::test]
async fn a_resend_goes_out_as_it_was_chosen() {
    let audit = audit("operador");
    let one = "POST /mensajes/77/reenvios";
    let sent = json!({"id": ID, "clave": "78", "hecho_de": "77", "reenviado": true});
    audit.answers(one, 200, &sent);
    let panel = panel(&audit);
    let answer = post(&panel, "/auditoria/reenviar", &[("accion", "uno"), ("clave", "77")]).await;
    assert_eq!(header(&answer, "location"), "/auditoria/mensajes/78?hecho=reenviado");

    let count = |rehearsed: bool| {
        json!({"simulado": rehearsed, "encontrados": 3, "reenviables": 2, "reenviados": 0,
               "en_espera": 0, "rechazados": 1, "siguiente": null,
               "motivos": [{"id": ID, "clave": "77", "motivo": "ya espera otro reenvío"}]})
    };
    audit.answers("POST /reenvios", 200, &count(true));
    let fields = [("accion", "contar"), ("estado", "error")];
    let page = post(&panel, "/auditoria/reenviar", &fields).await.text().await.expect("a body");
    assert!(page.contains("Todavía no se ha enviado nada"), "{page}");
    assert!(page.contains(r#"href="auditoria/reenviar#contenido""#), "within the page: {page}");
    assert!(page.contains("ya espera otro reenvío"), "{page}");
    assert!(page.contains(r#"name="estado" value="error""#), "{page}");
    let fields = [("accion", "elegidos"), ("m", "77")];
    post(&panel, "/auditoria/reenviar", &fields).await;
    // A payload that is text is as long as it is shown whole, and each byte may take three.
    let long = "x".repeat(190_000);
    let fields = [("accion", "editado"), ("clave", "77"), ("contenido", long.as_str())];
    let answer = post(&panel, "/auditoria/reenviar", &fields).await;
    assert_eq!(header(&answer, "location"), "/auditoria/mensajes/78?hecho=nuevo");
    let search = r#"{"busqueda":{"estado":"error","orden":"recientes"},"simular":true}"#;
    let expected = [
        format!("{one} {{}}"),
        format!("POST /reenvios {search}"),
        r#"POST /reenvios {"mensajes":[{"clave":"77"}]}"#.to_owned(),
        format!(r#"{one} {{"contenido":"{long}"}}"#),
    ];
    assert_eq!(audit.was_sent(), expected);
}

#[actix_web::test]
async fn an_export_is_handed_on_as_a_file() {
    let audit = audit("lector");
    audit.answers("GET /mensajes/exportar", 200, &json!({"id": ID}));
    let panel = panel(&audit);
    let request = panel.get("/auditoria/exportar?formato=ndjson&estado=error");
    let answer = request.header(TOKEN.0, TOKEN.1).send().await.expect("an answer");
    let disposition = "attachment; filename=\"mensajes.ndjson\"";
    assert_eq!(header(&answer, "content-disposition"), disposition);
    assert!(answer.text().await.expect("a body").contains(ID));
}

#[actix_web::test]
async fn every_question_carries_the_readers_own_token() {
    let audit = audit("lector");
    let panel = panel(&audit);
    look(&panel, "/auditoria").await;
    post(&panel, "/auditoria/reenviar", &[("accion", "uno"), ("clave", "77")]).await;
    assert_eq!(audit.was_sent(), ["POST /mensajes/77/reenvios {}"]);
    let tokens = audit.tokens();
    assert!(tokens.len() == 4 && tokens.iter().all(|one| one == "Bearer el-token"), "{tokens:?}");
}

#[actix_web::test]
async fn a_new_credential_is_shown_once() {
    let audit = audit("administrador");
    let issued = json!({"usuario": "redmine-1", "clave": "s3cr3t", "amqp": "amqp://redmine-1:…",
                        "creado": "2026-11-23T12:00:00Z"});
    audit.answers("POST /sistemas/redmine/credenciales", 201, &issued);
    let panel = panel(&audit);
    let fields = [("accion", "credencial"), ("nombre", "redmine")];
    let answer = post(&panel, "/auditoria/sistemas", &fields).await;
    assert_eq!(header(&answer, "cache-control"), "no-store");
    assert!(answer.text().await.expect("a body").contains("<code>s3cr3t</code>"));
}

fn system(name: &str) -> Value {
    json!({"nombre": name, "situacion": "activo", "descripcion": "", "estados": [],
           "creado": "2026-11-23T12:00:00Z",
           "credenciales": [{"usuario": format!("{name}-1"), "creado": "2026-11-23T12:00:00Z"}],
           "buzon": {"cola": format!("buzon_{name}"), "estado": "existe", "listos": 0,
                     "sin_confirmar": 0, "consumidores": 1}})
}

#[actix_web::test]
async fn systems_are_shown_page_by_page_and_managed_one_by_one() {
    let audit = audit("administrador");
    let systems: Vec<_> = (0..50).map(|number| system(&format!("s{number:02}"))).collect();
    audit.answers("GET /sistemas", 200, &json!({"sistemas": systems, "siguiente": "s49"}));
    let panel = panel(&audit);
    let page = look(&panel, "/auditoria/sistemas?texto=s").await;
    assert!(page.contains(r#"href="auditoria/sistemas?texto=s&#38;pagina=s49""#), "{page}");
    assert!(page.contains(r#"href="auditoria/sistemas?nombre=s07""#), "{page}");
    let forms = page.matches("<form").count();
    assert!(forms < 6, "those of the page, and none for each system: {forms}");
    assert!(page.len() < 100_000, "{}", page.len());

    audit.answers("GET /sistemas/s07", 200, &system("s07"));
    let page = look(&panel, "/auditoria/sistemas?nombre=s07").await;
    for action in ["cambiar", "suspender", "credencial", "quitar", "retirar"] {
        assert!(page.contains(&format!(r#"name="accion" value="{action}""#)), "{action}: {page}");
    }
    audit.answers("PATCH /sistemas/s07", 200, &system("s07"));
    let fields = [("accion", "suspender"), ("nombre", "s07")];
    let answer = post(&panel, "/auditoria/sistemas", &fields).await;
    assert_eq!(header(&answer, "location"), "/auditoria/sistemas?nombre=s07&hecho=si");
    audit.answers("GET /sistemas", 200, &json!({"sistemas": [], "siguiente": null}));
    assert!(look(&panel, "/auditoria/sistemas?texto=z").await.contains("Ningún sistema es así."));
    assert!(look(&panel, "/auditoria/sistemas").await.contains("Todavía no hay ningún sistema."));
}
