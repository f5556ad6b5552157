//! What holds for every answer: where links lead, what a browser may load,
//! what it may keep, and what it may not ask.

use reqwest::Method;

use crate::{
    fake::{FakeAnalytics, counting},
    fixture::{Panel, text},
};

const PREFIX: &str = "X-Forwarded-Prefix";

fn panel() -> (FakeAnalytics, Panel) {
    let analytics = FakeAnalytics::start(counting(5));
    let panel = Panel::start(analytics.address);
    (analytics, panel)
}

#[actix_web::test]
async fn links_are_relative_to_the_prefix_that_the_proxy_took_away() {
    let (_analytics, panel) = panel();
    let page = text(panel.get("/").header(PREFIX, "/panel")).await;
    assert!(page.contains(r#"<base href="/panel/">"#), "{page}");
    assert!(panel.page("/").await.contains(r#"<base href="/">"#));
    let page = page.replace("<base href=\"/panel/\">", "");
    for absolute in ["href=\"/", "src=\"/", "href=\"http", "src=\"http"] {
        assert!(!page.contains(absolute), "{absolute} in {page}");
    }
}

#[actix_web::test]
async fn a_hostile_prefix_is_ignored() {
    let (_analytics, panel) = panel();
    let long = format!("/{}", "x".repeat(128));
    for hostile in ["//evil.example", "https://evil.example", "/x\"><script>", "/a,/b", &long] {
        let page = text(panel.get("/").header(PREFIX, hostile)).await;
        assert!(page.contains(r#"<base href="/">"#), "{hostile}: {page}");
        assert!(!page.contains("evil") && !page.contains("<script>"), "{page}");
    }
}

#[actix_web::test]
async fn a_page_may_load_only_what_the_panel_serves() {
    let (_analytics, panel) = panel();
    for path in ["/", "/prueba", "/historia", "/romper", "/assets/panel.js"] {
        let answer = panel.get(path).send().await.expect("an answer");
        let header = |name: &str| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let policy = header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self';", "style-src 'self';"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "same-origin", "{path}");
    }
}

#[actix_web::test]
async fn a_page_has_no_code_or_style_that_the_policy_would_block() {
    let (_analytics, panel) = panel();
    let page = panel.page_with(&["al-dia"]).await;
    assert_eq!(page.matches("<script").count(), page.matches("<script src=").count(), "{page}");
    for inline in ["<style", " style=", " onclick=", "javascript:"] {
        assert!(!page.contains(inline), "{inline} in {page}");
    }
    assert!(page.contains(r#"<noscript><meta http-equiv="refresh" content="2">"#), "{page}");
}

#[actix_web::test]
async fn what_the_browser_has_already_is_not_sent_again() {
    let (_analytics, panel) = panel();
    for name in ["panel.css", "panel.js", "favicon.svg"] {
        let path = format!("/assets/{name}");
        let first = panel.get(&path).send().await.expect("an answer");
        assert_eq!(first.status(), 200, "{name}");
        let tag = first.headers()["etag"].clone();
        assert_eq!(first.headers()["cache-control"], "no-cache");
        assert!(!first.bytes().await.expect("a body").is_empty());

        let again = panel.get(&path).header("If-None-Match", &tag).send().await;
        let again = again.expect("an answer");
        assert_eq!((again.status().as_u16(), &again.headers()["etag"]), (304, &tag), "{name}");
        let other = panel.get(&path).header("If-None-Match", "\"other\"").send().await;
        assert_eq!(other.expect("an answer").status(), 200, "{name}");
    }
    assert_eq!(
        panel.get("/").send().await.expect("an answer").headers()["cache-control"],
        "no-store"
    );
}

#[actix_web::test]
async fn there_is_nothing_beside_the_assets() {
    let (_analytics, panel) = panel();
    for name in ["none.css", "..%2fCargo.toml", "%2e%2e%2fsrc%2fmain.rs", "panel"] {
        let answer = panel.get(&format!("/assets/{name}")).send().await.expect("an answer");
        assert_eq!(answer.status(), 404, "{name}");
    }
}

#[actix_web::test]
async fn the_panel_is_read_only() {
    let (_analytics, panel) = panel();
    for path in ["/", "/historia", "/assets/panel.css"] {
        let head = panel.request(Method::HEAD, path).send().await.expect("an answer");
        assert_eq!(head.status(), 200, "HEAD {path}");
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = panel.request(method.clone(), path).send().await.expect("an answer");
            assert_eq!(answer.status(), 405, "{method} {path}");
            assert_eq!(answer.headers()["allow"], "GET, HEAD", "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn the_documentation_names_the_pages() {
    let (_analytics, panel) = panel();
    let text = panel.page("/openapi.json").await;
    for path in [r#""/""#, r#""/historia""#] {
        assert!(text.contains(path), "no {path} in {text}");
    }
}
