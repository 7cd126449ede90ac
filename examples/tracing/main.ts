// One trace over Node and Python. Spans of Node are kept here and shown; those of Python go to a server that stands for a collector.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { Snakepit } from 'snakepit';

const received: Buffer[] = [];
const collector = createServer((request, response) => {
  request.on('data', (part: Buffer) => received.push(part));
  request.on('end', () => response.end());
});
await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
const { port } = collector.address() as AddressInfo;

// The application sets up OpenTelemetry as always, before or after the start.
const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();

const snakepit = await Snakepit.start({
  pools: [
    {
      name: 'default',
      size: 1,
      adapter: 'traced_adapter.Texts',
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` },
    },
  ],
});
snakepit.registerTool('weight_of', ({ word }: { word: string }) => word.length);

const traceId = await trace.getTracer('example').startActiveSpan('request', async (span) => {
  console.log(await snakepit.execute('weigh', { text: 'two words' }));
  await snakepit.execute('fail').catch(() => undefined);
  span.end();
  return span.spanContext().traceId;
});

// Workers send what they have left when they stop.
await snakepit.stop();
collector.close();
for (const span of exporter.getFinishedSpans()) {
  const outcome = span.status.code === SpanStatusCode.ERROR ? 'failed' : 'ok';
  console.log(span.name, outcome, span.spanContext().traceId === traceId);
}
const sent = Buffer.concat(received);
for (const name of ['snakepit.tool weigh', 'split', 'ValueError']) {
  console.log(`Python told of ${name}:`, sent.includes(name) && sent.includes(traceId, 0, 'hex'));
}
await provider.shutdown();
