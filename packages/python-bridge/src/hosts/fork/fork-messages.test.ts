import { describe, expect, test } from '@jest/globals';
import { createMessageDecoder } from '../local/message-lines.ts';
import { forkMessageFormat, MAX_CONTROL_BYTES, type ForkMessage } from './fork-messages.ts';

function read(...chunks: readonly (string | Buffer)[]) {
  const heard: (ForkMessage | string)[] = [];
  const feed = createMessageDecoder(forkMessageFormat, {
    onMessage: (message) => heard.push(message),
    onBroken: (detail) => heard.push(detail),
  });
  for (const chunk of chunks) feed(Buffer.from(chunk));
  return heard;
}

describe('messages of a fork server', () => {
  test('[I7.2] are what they say, however they are cut', () => {
    const forked = '{"type":"forked","launch":3,"pid":77,"startTime":"123"}\n';
    const ended = '{"type":"ended","launch":3,"pid":77,"code":null,"signal":"SIGSEGV","more":1}\n';
    expect(read(forked.slice(0, 9), forked.slice(9) + ended, '{"type":"weather"}\n')).toEqual([
      { type: 'forked', launch: 3, pid: 77, startTime: '123' },
      { type: 'ended', launch: 3, pid: 77, code: null, signal: 'SIGSEGV' },
      { type: 'ignored' },
    ]);
    const refused = { type: 'refused', launch: 4, code: 'FORK_FAILED', message: 'no more' };
    expect(read(`${JSON.stringify(refused)}\n`)).toEqual([refused]);
  });

  test.each([
    ['a number that nobody may signal', '{"type":"forked","launch":3,"pid":1,"startTime":""}'],
    ['no number', '{"type":"forked","launch":3,"pid":"77","startTime":""}'],
    ['a launch that is none', '{"type":"refused","launch":-1,"code":"X","message":""}'],
    ['an end in two ways', '{"type":"ended","launch":3,"pid":77,"code":0,"signal":"SIGKILL"}'],
    ['an end in no way', '{"type":"ended","launch":3,"pid":77,"code":null,"signal":null}'],
  ])('%s breaks the connection, and nothing is heard after it', (_, line) => {
    const after = '{"type":"refused","launch":1,"code":"X","message":""}\n';
    expect(read(`${line}\n`, after)).toEqual([expect.stringContaining('fields are missing')]);
  });

  test('what has no end is not kept', () => {
    const chunk = Buffer.alloc(256 * 1024, 'x');
    const heard = read(chunk, chunk, chunk, chunk, chunk, chunk);
    expect(heard).toEqual([`a line is longer than ${String(MAX_CONTROL_BYTES)} bytes`]);
  });
});
