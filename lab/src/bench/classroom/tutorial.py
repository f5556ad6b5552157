"""A web service that publishes to RabbitMQ, as tutorials do it: Flask's own
server, and a connection of its own for each request."""

import json
import os
import uuid
from datetime import datetime, timezone

import pika
from flask import Flask, jsonify, request

app = Flask(__name__)


@app.post("/send")
def send():
    data = request.get_json()
    event = {
        "cliente": data["cliente"],
        "evento": data["evento"],
        "timestamp": datetime.now(timezone.utc).isoformat(),
    }
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
    channel = connection.channel()
    channel.exchange_declare(exchange="eventos_clientes", exchange_type="direct", durable=True)
    channel.basic_publish(
        exchange="eventos_clientes",
        routing_key=event["evento"],
        body=json.dumps(event),
        properties=pika.BasicProperties(
            content_type="application/json",
            delivery_mode=2,
            message_id=str(uuid.uuid4()),
        ),
    )
    connection.close()
    return jsonify(event), 202


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]))
