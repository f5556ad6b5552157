//! Payloads and files of messages, as the running proxy hands them out.

use audit_proxy::access::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    caller::Caller,
    running::{Running, World, properties},
};

/// A message of this kind with this payload, once it is forwarded.
async fn sent(world: &World, proxy: &Running, kind: &str, body: &str) -> Uuid {
    let id = Uuid::now_v7();
    world.publish_to("redmine", properties(id, "servicedesk", kind), body).await;
    proxy.is(id, "reenviado").await;
    id
}

async fn begun() -> (World, Running) {
    let world = World::new().await;
    world.publishing_as("servicedesk").await;
    let proxy = world.running().await;
    world.make_mailbox("redmine").await;
    (world, proxy)
}

async fn found(caller: &Caller, text: &str) -> usize {
    let answer = caller.get(&format!("/mensajes?texto={text}")).await;
    answer.body["mensajes"].as_array().map_or(usize::MAX, Vec::len)
}

#[tokio::test]
async fn a_payload_is_shown_inert_in_parts_and_who_looked_is_written_down() {
    let (world, proxy) = begun().await;
    let body = "<script>alert(1)</script> ñ";
    let id = sent(&world, &proxy, "alta", body).await;
    let reader = proxy.logged_in(Role::Reader).await;

    let path = format!("/mensajes/{id}/contenido");
    let (status, headers, bytes) = reader.raw(&path).await;
    assert_eq!((status, bytes), (200, body.as_bytes().to_vec()));
    for (name, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
        ("x-tipo-contenido", "application/json"),
        ("x-bytes-totales", "28"),
        ("x-oculto", "no"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    let disposition = headers["content-disposition"].to_str().expect("text");
    assert!(disposition.starts_with("attachment"), "{disposition}");

    let (_, _, part) = reader.raw(&format!("{path}?desde=8&limite=5")).await;
    assert_eq!(part, b"alert");
    let (_, headers, whole) = reader.raw(&format!("{path}?completo=si&origen=servicedesk")).await;
    assert_eq!(
        (&whole[..], &headers["content-type"]),
        (body.as_bytes(), &"application/octet-stream".parse().expect("a value"))
    );

    let seen = proxy.admin.get("/consultas?limite=2").await.body;
    let rows = seen["consultas"].as_array().expect("rows");
    let ranges: Vec<_> = rows.iter().map(|row| (&row["desde"], &row["bytes"])).collect();
    assert_eq!(ranges, [(&json!(0), &json!(28)), (&json!(8), &json!(5))]);
    assert_eq!(rows[0]["mensaje"], id.to_string());
    let who = rows[0]["cuenta"].as_str().expect("a name").to_owned();
    assert!(who.starts_with(Role::Reader.as_str()), "{who}");
    let next = seen["siguiente"].as_str().expect("there is more");
    let last = proxy.admin.get(&format!("/consultas?pagina={next}&cuenta={who}")).await.body;
    assert_eq!(last["consultas"].as_array().map(Vec::len), Some(1));
    assert_eq!(last["siguiente"], Value::Null);
    assert_eq!(reader.get("/consultas").await.status, 403);

    assert_eq!(reader.get(&format!("{path}?origen=nadie")).await.status, 404);
    assert_eq!(reader.get(&format!("{path}?limite=0")).await.status, 400);
    assert_eq!(reader.get(&format!("{path}?color=1")).await.status, 400);
    let before = proxy.admin.get("/consultas").await.body["consultas"].as_array().map(Vec::len);
    assert_eq!(before, Some(3), "what was not shown is no lookup");
    proxy.stopped().await;
}

#[tokio::test]
async fn what_a_rule_hides_is_neither_shown_nor_found() {
    let (world, proxy) = begun().await;
    let body = r#"{"nombre":"Ana","tarjeta":{"numero":4111222}}"#;
    let (id, other) =
        (sent(&world, &proxy, "alta", body).await, sent(&world, &proxy, "alta", "4111222").await);
    let broken = sent(&world, &proxy, "alta", "nombre=Ana").await;
    let reader = proxy.logged_in(Role::Reader).await;
    assert_eq!(found(&reader, "4111222").await, 2);

    let rule = json!({ "ocultos": ["/tarjeta/numero", "NOMBRE"] });
    let answer = proxy.admin.put("/reglas/alta", &rule).await;
    assert_eq!((answer.status, &answer.body["por"]), (200, &json!("admin")), "{answer:?}");
    for caller in [&reader, &proxy.admin] {
        let (_, headers, bytes) = caller.raw(&format!("/mensajes/{id}/contenido")).await;
        let shown: Value = serde_json::from_slice(&bytes).expect("JSON");
        let hidden = json!({ "nombre": "(oculto)", "tarjeta": { "numero": "(oculto)" } });
        assert_eq!((shown, &headers["x-oculto"]), (hidden, &"si".parse().expect("a value")));
        let answer = caller.get(&format!("/mensajes/{broken}/contenido")).await;
        assert_eq!(
            (answer.status, &answer.body["type"]),
            (403, &json!("urn:relevo:problema:carga-oculta"))
        );
        assert_eq!(found(caller, "4111").await, 1, "only where nothing of it is hidden");
        assert_eq!(found(caller, "Ana").await, 0);
    }
    assert_eq!(reader.raw(&format!("/mensajes/{other}/contenido")).await.2, b"4111222");

    assert_eq!(reader.get("/reglas").await.status, 403);
    assert_eq!(
        proxy.admin.get("/reglas/alta").await.body["ocultos"],
        json!(["/tarjeta/numero", "NOMBRE"])
    );
    for bad in
        [json!({ "ocultos": [] }), json!({ "ocultos": ["/a~b"] }), json!({ "ocultos": [""] })]
    {
        assert_eq!(proxy.admin.put("/reglas/alta", &bad).await.status, 422, "{bad}");
    }
    assert_eq!(proxy.admin.delete("/reglas/alta").await.status, 204);
    assert_eq!(proxy.admin.delete("/reglas/alta").await.status, 404);
    assert_eq!(found(&reader, "Ana").await, 1);
    proxy.stopped().await;
}

#[tokio::test]
async fn a_search_is_exported_as_a_table_and_as_lines() {
    let (world, proxy) = begun().await;
    let id = Uuid::now_v7();
    let mut formula = properties(id, "servicedesk", "alta");
    formula["correlation_id"] = json!("=cmd|' /C calc'!A0;-\"a\",b");
    world.publish_to("redmine", formula, "{}").await;
    proxy.is(id, "reenviado").await;
    sent(&world, &proxy, "baja", "{}").await;

    let (status, headers, csv) = proxy.admin.raw("/mensajes/exportar?tipo=alta").await;
    assert_eq!(
        (status, &headers["x-content-type-options"]),
        (200, &"nosniff".parse().expect("one"))
    );
    assert_eq!(headers["content-type"], "text/csv; charset=utf-8; header=present");
    let name = headers["content-disposition"].to_str().expect("text");
    assert!(
        name.starts_with("attachment; filename=\"mensajes-") && name.ends_with("Z.csv\""),
        "{name}"
    );
    let csv = String::from_utf8(csv).expect("UTF-8");
    assert!(csv.starts_with("clave,id,origen,destino,tipo,correlacion,creado,recibido,"), "{csv}");
    assert!(csv.contains(",\"'=cmd|' /C calc'!A0;'-\"\"a\"\",b\","), "{csv}");
    let (_, _, marked) = proxy.admin.raw("/mensajes/exportar?tipo=alta&bom=si").await;
    assert_eq!(marked, [b"\xef\xbb\xbf", csv.as_bytes()].concat());
    assert_eq!(csv.matches("\r\n").count(), 2, "{csv}");

    let path = "/mensajes/exportar?formato=ndjson&orden=antiguos&texto=xx";
    assert_eq!(proxy.admin.raw(path).await.2, b"");
    let (_, _, lines) = proxy.admin.raw("/mensajes/exportar?formato=ndjson&orden=antiguos").await;
    let kinds: Vec<_> = String::from_utf8(lines)
        .expect("UTF-8")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["tipo"].clone())
        .collect();
    assert_eq!(kinds, ["alta", "baja"]);
    for bad in ["formato=xls", "limite=5", "pagina=1", "bom=x", "formato=ndjson&bom=si"] {
        assert_eq!(
            proxy.admin.get(&format!("/mensajes/exportar?{bad}")).await.status,
            400,
            "{bad}"
        );
    }
    proxy.stopped().await;
}

async fn shown(caller: &Caller, id: Uuid) -> (u16, String) {
    let (status, _, bytes) = caller.raw(&format!("/mensajes/{id}/contenido")).await;
    (status, String::from_utf8(bytes).expect("text"))
}

#[tokio::test]
async fn who_publishes_does_not_choose_whether_a_rule_applies() {
    let (world, proxy) = begun().await;
    let body = r#"{"n\u0303if":"Ana","x":"{\"CLAVE\":7}"}"#;
    for (kind, places) in [("alta", json!(["ñif"])), ("*", json!(["clave"]))] {
        let answer =
            proxy.admin.put(&format!("/reglas/{kind}"), &json!({ "ocultos": places })).await;
        assert_eq!((answer.status, &answer.body["tipo"]), (200, &json!(kind)), "{answer:?}");
    }
    let reader = proxy.logged_in(Role::Reader).await;
    let hidden = r#"{"n\u0303if":"(oculto)","x":"{\"CLAVE\":\"(oculto)\"}"}"#;
    let upper = sent(&world, &proxy, "ALTA", body).await;
    assert_eq!(shown(&reader, upper).await, (200, hidden.to_owned()));
    let other = sent(&world, &proxy, "baja", body).await;
    assert_eq!(shown(&reader, other).await, (200, hidden.replacen("(oculto)", "Ana", 1)));

    for (kind, payload) in [(json!(" alta "), body), (json!("alta."), body), (Value::Null, body)] {
        let id = Uuid::now_v7();
        let mut properties = properties(id, "servicedesk", "alta");
        properties["type"] = kind.clone();
        if kind.is_null() {
            properties.as_object_mut().expect("an object").remove("type");
        }
        world.publish_to("redmine", properties, payload).await;
        let is_kind = kind == "alta.";
        proxy.is(id, if is_kind { "reenviado" } else { "no_admitido" }).await;
        let seen = shown(&reader, id).await;
        let told = if is_kind { hidden.replacen("(oculto)", "Ana", 1) } else { hidden.to_owned() };
        assert_eq!(seen, (200, told), "{kind}");
    }
    let found = found(&reader, "Ana").await;
    assert_eq!(found, 2, "where the rule is not for it");
    proxy.stopped().await;
}

#[tokio::test]
async fn what_is_not_hidden_is_shown_found_and_sent_as_it_came() {
    let (world, proxy) = begun().await;
    let numbers = r#""a" : 12345678901234567890123 ,"b":1.10, "b":"ÑANDU\u0301""#;
    let id = sent(&world, &proxy, "alta", &format!(r#"{{"dni":"7",{numbers}}}"#)).await;
    let rule = json!({ "ocultos": ["dni"] });
    assert_eq!(proxy.admin.put("/reglas/alta", &rule).await.status, 200);

    let (_, text) = shown(&proxy.admin, id).await;
    assert_eq!(text, format!(r#"{{"dni":"(oculto)",{numbers}}}"#));
    for text in ["1.10", "12345678901234567890123", "ñandú", "n%CC%83andu%CC%81"] {
        assert_eq!(found(&proxy.admin, text).await, 1, "{text}");
    }
    let whole = json!({ "contenido": text.replace("(oculto)", "8") });
    let answer = proxy.admin.post(&format!("/mensajes/{id}/reenvios"), &whole).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let taken = world.takes("redmine", 2).await;
    assert_eq!(taken[1]["payload"], format!(r#"{{"dni":"8",{numbers}}}"#));
    proxy.stopped().await;
}

#[tokio::test]
async fn who_looks_for_a_text_is_written_down_and_held_up() {
    let (world, proxy) = begun().await;
    let id = sent(&world, &proxy, "alta", r#"{"dni":"4711","x":"Ñandú"}"#).await;
    assert_eq!(proxy.admin.put("/reglas/*", &json!({ "ocultos": ["dni"] })).await.status, 200);
    let operator = proxy.logged_in(Role::Operator).await;
    assert_eq!(found(&operator, "ñandú").await, 1);
    let file = operator.raw("/mensajes/exportar?formato=ndjson&texto=4711").await;
    assert_eq!((file.0, file.2), (200, Vec::new()), "nothing of what is hidden is found");
    let search = |texto| json!({ "busqueda": { "texto": texto }, "simular": true });
    let counted = operator.post("/reenvios", &search("4711")).await;
    assert_eq!((counted.status, &counted.body["encontrados"]), (200, &json!(0)), "{counted:?}");
    assert_eq!(operator.get("/mensajes?tipo=alta").await.status, 200, "looks for no text");
    assert_eq!(operator.get("/mensajes?texto=a").await.status, 400);

    assert_eq!(operator.get("/busquedas").await.status, 403);
    let told = proxy.admin.get("/busquedas?limite=2").await.body;
    let rows: Vec<_> = told["busquedas"].as_array().into_iter().flatten().collect();
    let of = |row: &Value| (row["texto"].clone(), row["para"].clone());
    assert_eq!(of(rows[0]), (json!("4711"), json!("reenvio")));
    assert_eq!(of(rows[1]), (json!("4711"), json!("fichero")));
    let who = rows[0]["cuenta"].as_str().expect("a name");
    let next = told["siguiente"].as_str().expect("there is more");
    let last = proxy.admin.get(&format!("/busquedas?cuenta={who}&pagina={next}")).await.body;
    assert_eq!(of(&last["busquedas"][0]), (json!("ñandú"), json!("lista")));
    assert_eq!(last["siguiente"], Value::Null);

    let mut asked = 3;
    let held_up = loop {
        let answer = operator.get("/mensajes?texto=zz").await;
        if answer.status != 200 {
            break answer;
        }
        asked += 1;
        assert!(asked < 200, "nobody is held up");
    };
    assert_eq!(held_up.status, 429, "{held_up:?}");
    assert!(held_up.headers.contains_key("retry-after"));
    let search = operator.post("/reenvios", &search("4711")).await;
    assert_eq!(search.status, 429, "{search:?}");
    assert_eq!(found(&proxy.admin, "ñandú").await, 1, "others are not concerned");
    let path = format!("/mensajes?id={id}");
    assert_eq!(operator.get(&path).await.status, 200, "nor are other searches");
    let told = proxy.admin.get(&format!("/busquedas?limite=500&cuenta={who}")).await.body;
    assert_eq!(told["busquedas"].as_array().map(Vec::len), Some(asked), "each was written down");
    proxy.stopped().await;
}
