//! `GET /sistemas`: those that may exchange messages, and those that might.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use messages::SystemName;
use serde::Serialize;
use service_kit::{Problem, problem::ProblemBody};
use utoipa::ToSchema;

use super::super::{
    Administration,
    access::Reader,
    search::{faulty, parameters},
    shown::{Sistema, sistema},
    unavailable,
};
use crate::{
    folding::folded,
    search::{filter::short, page::MAX_LIMIT, parameters::whole},
    store::Registered,
};

/// Body of `GET /sistemas`.
#[derive(Serialize, ToSchema)]
struct Sistemas {
    /// By name; those that were retired too.
    sistemas: Vec<Sistema>,
    /// What to give as `pagina` for the next ones; none where there are no more.
    siguiente: Option<String>,
}

/// Los sistemas que ha habido, por nombre: todos, o los que tienen `texto` en su nombre o su
/// descripción; de una vez, o por páginas si se da `limite`.
#[utoipa::path(
    get,
    path = "/sistemas",
    params(
        ("texto" = Option<String>, Query, description = "Un texto en su nombre o su descripción, sin distinguir mayúsculas ni formas normales de Unicode."),
        ("limite" = Option<usize>, Query, description = "Por página; si no se da, todos.", minimum = 1, maximum = 500),
        ("pagina" = Option<String>, Query, description = "El valor `siguiente` de la página anterior."),
    ),
    responses(
        (status = 200, description = "El registro; o una página de él, que es la última si `siguiente` es nulo.", body = Sistemas),
        (status = 400, description = "Parámetros desconocidos o no válidos.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    _: Reader,
    request: HttpRequest,
    administration: Data<Administration>,
) -> Result<HttpResponse, Problem> {
    let mut parameters = parameters(&request)?;
    let text = parameters.take("texto", short);
    let limit = parameters.take("limite", |text| whole(text, 1, MAX_LIMIT));
    let after = parameters.take("pagina", str::parse::<SystemName>);
    parameters.done().map_err(faulty)?;

    let systems = administration.store.systems().await;
    let mut systems = systems.map_err(|error| unavailable(&request, &error))?;
    systems.retain(|one| text.as_ref().is_none_or(|text| is_about(one, text)));
    let (systems, next) = page(systems, after.as_ref(), limit);
    let mailboxes = administration.mailboxes().await;
    let sistemas = systems.into_iter().map(|one| sistema(one, mailboxes.as_ref())).collect();
    Ok(HttpResponse::Ok().json(Sistemas { sistemas, siguiente: next.map(String::from) }))
}

fn is_about(system: &Registered, text: &str) -> bool {
    let text = folded(text);
    let told = [system.name.as_str(), &system.profile.description];
    told.iter().any(|told| folded(told).contains(&*text))
}

/// At most `limit` of them after a name, and after which name to go on where there are more.
fn page(
    mut systems: Vec<Registered>,
    after: Option<&SystemName>,
    limit: Option<usize>,
) -> (Vec<Registered>, Option<SystemName>) {
    // Databases differ in how they sort names.
    systems.sort_by(|a, b| a.name.cmp(&b.name));
    systems.retain(|one| after.is_none_or(|after| one.name > *after));
    let limit = limit.filter(|limit| *limit < systems.len());
    systems.truncate(limit.unwrap_or(systems.len()));
    let next = systems.last().filter(|_| limit.is_some()).map(|last| last.name.clone());
    (systems, next)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{register::Standing, store::Profile};

    fn system(name: &str, description: &str) -> Registered {
        let (standing, description) = (Standing::Active, description.to_owned());
        Registered {
            name: name.parse().expect("a name"),
            profile: Profile { standing, description, states: Vec::new() },
            created: Timestamp::UNIX_EPOCH,
            credentials: Vec::new(),
        }
    }

    #[test]
    fn pages_are_by_name_and_hold_each_system_once() {
        let systems = || ["b", "a-1", "B", "c", "a"].map(|name| system(name, "")).to_vec();
        let (mut told, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = page(systems(), after.as_ref(), Some(2));
            assert!((1..=2).contains(&page.len()), "{}", page.len());
            told.extend(page.into_iter().map(|one| String::from(one.name)));
            let Some(next) = next else { break };
            after = Some(next);
        }
        assert_eq!(told, ["B", "a", "a-1", "b", "c"]);
        let (all, next) = page(systems(), None, None);
        assert_eq!((all.len(), next), (5, None));
        assert_eq!(page(systems(), None, Some(5)).1, None, "a full page may be the last");
    }

    #[test]
    fn a_system_is_found_by_its_name_or_what_is_told_of_it() {
        let system = system("almacen", "Guarda CAJAS de Ñandú");
        for (text, is) in [
            ("MACE", true),
            ("cajas", true),
            ("ñandú", true),
            ("N\u{303}ANDU\u{301}", true),
            ("redmine", false),
        ] {
            assert_eq!(is_about(&system, text), is, "{text}");
        }
    }
}
