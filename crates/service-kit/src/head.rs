//! `HEAD` wherever there is `GET` (RFC 9110 §9.3.2): the same answer, its length included,
//! without its body.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::HeaderValue},
    web::Bytes,
};

/// Has a `HEAD` answered as the `GET` of the same address; whether it is one.
pub(crate) fn as_get(request: &mut ServiceRequest) -> bool {
    let is_head = request.method() == Method::HEAD;
    if is_head {
        request.head_mut().method = Method::GET;
    }
    is_head
}

/// Leaves the body out. One without an end would never be over.
pub(crate) fn without_body(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    response.map_body(|_, body| BoxBody::new(Omitted(body.size())))
}

/// The methods that an address has, with that one.
pub(crate) fn allowed(methods: &HeaderValue) -> HeaderValue {
    let told = methods.to_str().unwrap_or_default();
    let has = |method| told.split(',').any(|told| told.trim() == method);
    let with_head = (has("GET") && !has("HEAD")).then(|| format!("{told}, HEAD"));
    with_head.and_then(|told| told.try_into().ok()).unwrap_or_else(|| methods.clone())
}

/// A body of this size, none of which is sent.
struct Omitted(BodySize);

impl MessageBody for Omitted {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        match self.0 {
            BodySize::Stream => BodySize::None,
            size => size,
        }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}
