import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { Aedes } from 'aedes';

// The broker library alone: acknowledges at once, validates nothing, keeps nothing. What the pipeline is compared with.
const broker = await Aedes.createBroker();
createServer(broker.handle).listen(Number(process.env.MQTT_PORT), '127.0.0.1');
createHttpServer((_request, response) => response.end()).listen(Number(process.env.HTTP_PORT), '127.0.0.1');
