"""The same service as one would run it: behind gunicorn, with a connection that
each thread keeps, and every message persistent, mandatory and confirmed."""

import json
import os
import threading
import uuid
from datetime import datetime, timezone

import pika
from flask import Flask, jsonify, request

app = Flask(__name__)
# A connection of pika belongs to one thread.
local = threading.local()


def channel():
    if getattr(local, "channel", None) is None or local.channel.is_closed:
        parameters = pika.URLParameters(os.environ["AMQP_URL"])
        # Nobody answers heartbeats while a thread waits for its next request.
        parameters.heartbeat = 0
        local.channel = pika.BlockingConnection(parameters).channel()
        local.channel.confirm_delivery()
    return local.channel


@app.post("/send")
def send():
    data = request.get_json()
    event = {
        "cliente": data["cliente"],
        "evento": data["evento"],
        "timestamp": datetime.now(timezone.utc).isoformat(),
    }
    channel().basic_publish(
        exchange="eventos_clientes",
        routing_key=event["evento"],
        body=json.dumps(event),
        properties=pika.BasicProperties(
            content_type="application/json",
            delivery_mode=2,
            message_id=str(uuid.uuid4()),
        ),
        mandatory=True,
    )
    return jsonify(event), 202
