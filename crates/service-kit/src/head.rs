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
    http::Method,
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
