import { describe, expect, test } from '@jest/globals';
import { createToolCatalogue, type DescribedWorker } from './tool-catalogue.ts';
import { readToolInfo, type ToolInfo } from './tool-info.ts';

function toolWith(parameter: string): ToolInfo {
  return readToolInfo({
    name: 'add',
    description: '',
    parameters: [{ name: parameter, type: 'int', required: true }],
    metadata: { input_schema: '{"additionalProperties":false}' },
    supportsStreaming: false,
  });
}

/** A worker, and how often it was asked. */
function worker(
  workerId: string,
  toolsFingerprint: string | undefined,
  tools: readonly ToolInfo[] | Error = [toolWith('a')],
): DescribedWorker & { asked: number } {
  return {
    workerId,
    toolsFingerprint,
    asked: 0,
    describeTools() {
      this.asked += 1;
      return tools instanceof Error ? Promise.reject(tools) : Promise.resolve(tools);
    },
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('createToolCatalogue', () => {
  test('[I5.6] asks one of the workers that have the same tools, and checks by what it said', async () => {
    const catalogue = createToolCatalogue('default');
    const workers = [worker('w1', 'f1'), worker('w2', 'f1')];
    for (const each of workers) catalogue.admit(each);
    // Nothing is known yet, and Python checks anyway.
    expect(catalogue.check('add', { b: 1 }, undefined)).toBeUndefined();
    await settled();
    expect(catalogue.check('add', { b: 1 }, undefined)?.message).toContain('args.b is no argument');
    expect(catalogue.check('add', { a: 1 }, undefined)).toBeUndefined();
    expect(catalogue.check('other', { b: 1 }, undefined)).toBeUndefined();
    expect((await catalogue.tools()).map(({ name }) => name)).toEqual(['add']);
    expect(workers.map(({ asked }) => asked)).toEqual([1, 0]);
  });

  test('[I5.6] refuses nothing while workers of changed code stand beside old ones', async () => {
    const catalogue = createToolCatalogue('default');
    const old = worker('w1', 'f1');
    const changed = worker('w2', 'f2', [toolWith('b')]);
    catalogue.admit(old);
    catalogue.admit(changed);
    await settled();
    expect(catalogue.check('add', { c: 1 }, undefined)).toBeUndefined();
    expect((await catalogue.tools())[0]?.parameters[0]?.name).toBe('b');
    catalogue.withdraw(old);
    expect(catalogue.check('add', { a: 1 }, undefined)?.message).toContain('args.a is no argument');
    catalogue.withdraw(changed);
    expect(catalogue.check('add', { a: 1 }, undefined)).toBeUndefined();
    await expect(catalogue.tools()).rejects.toMatchObject({ code: 'WORKER_UNAVAILABLE' });
  });

  test('[I5.6] never checks for adapters that dispatch themselves', async () => {
    const catalogue = createToolCatalogue('default');
    catalogue.admit(worker('w1', undefined));
    await settled();
    expect(catalogue.check('add', { b: 1 }, undefined)).toBeUndefined();
    expect(await catalogue.tools()).toHaveLength(1);
  });

  test('[I5.6] a worker that could not answer is asked again', async () => {
    const catalogue = createToolCatalogue('default');
    const failing = worker('w1', 'f1', new Error('no answer'));
    catalogue.admit(failing);
    await settled();
    await expect(catalogue.tools()).rejects.toThrow('no answer');
    catalogue.withdraw(worker('w1', 'f1'));
    catalogue.admit(worker('w1', 'f1'));
    await settled();
    expect(catalogue.check('add', { b: 1 }, undefined)).toBeDefined();
    // News of its earlier life change nothing.
    catalogue.withdraw(failing);
    expect(catalogue.check('add', { b: 1 }, undefined)).toBeDefined();
  });

  test('[I5.6] a schema that is none is no reason to fail; nothing is checked then', async () => {
    const broken = readToolInfo({
      name: 'add',
      description: '',
      parameters: [{ name: 'a', type: 'Foreign', required: true }],
      metadata: { input_schema: '{"properties":{"a":{"anyOf":5}},"additionalProperties":false}' },
      supportsStreaming: false,
    });
    const catalogue = createToolCatalogue('default');
    catalogue.admit(worker('w1', 'f1', [broken]));
    await settled();
    expect(catalogue.check('add', {}, undefined)).toBeUndefined();
    expect(await catalogue.tools()).toEqual([broken]);
  });
});
