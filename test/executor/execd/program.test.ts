import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { childrenOf } from '../../support/children-of';
import { until } from '../../support/waiting';
import { ExecutorProcess } from '../executor-process';
import { ExecdClient } from './execd-client';

/** Commands one after another: enough to see what each would leave. */
const COMMANDS = 200;

const LINE = { count: 10_000, length: 9_999 };
/** Most that the executor may grow by a hundred megabytes of output, in bytes. */
const GROWTH_BOUND_BYTES = 64 * 1024 * 1024;

let executor: ExecutorProcess;
let client: ExecdClient;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
beforeAll(async () => {
  executor = await ExecutorProcess.start(['--execd-listen-addr=127.0.0.1:0']);
  client = new ExecdClient(`http://127.0.0.1:${executor.execdPort}`);
});
afterAll(async () => {
  agent.destroy();
  await executor.clean();
});

/** The answer to a command as it comes. */
async function begin(path: string, body: unknown): Promise<IncomingMessage> {
  const sent = request(client.origin + path, { method: 'POST', agent });
  sent.end(JSON.stringify(body));
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}

/** Type of the last event of a command. */
async function run(path: string, body: unknown): Promise<string | undefined> {
  let text = '';
  for await (const piece of (await begin(path, body)).setEncoding('utf8')) text += String(piece);
  return /"type":"(\w+)"[^\n]*\n\n$/.exec(text)?.[1];
}

test('the ports of the executor itself are not reached through its proxy', async () => {
  for (const port of [executor.port, executor.execdPort]) {
    expect(await client.refused('POST', `/proxy/${port}/reset`, {})).toEqual({ status: 400, code: 'MISSING_QUERY' });
    const caller = connect(executor.execdPort, '127.0.0.1').setEncoding('utf8');
    caller.write(`GET /proxy/${port}/health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    const [text] = (await once(caller, 'data')) as [string];
    expect(text).toMatch(/^HTTP\/1\.1 400 [^]*"query: port: expected a port of the sandbox, got \d+, on which its executor listens; ask it directly"/);
    caller.destroy();
  }
});

/** What the executor has, beside pipes that it makes ahead: descriptors by what they are of, children, files. */
function holdings(): readonly string[] {
  const descriptors = readdirSync(`/proc/${executor.pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${executor.pid}/fd/${fd}`).replace(/\[\d+\]/, '')];
    } catch {
      return []; // closed meanwhile
    }
  });
  return [...descriptors, ...childrenOf(executor.pid).map(String), ...readdirSync(executor.dataDir).filter((name) => !name.startsWith('.pipe-'))];
}

/** What there is more of than there was; connections may have ended by themselves. */
function moreThan(before: readonly string[]): readonly string[] {
  const left = [...before];
  return holdings().filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

test('commands one after another leave no process, no file and no descriptor', async () => {
  const { session_id: session } = (await (await client.ask('POST', '/session')).json()) as { session_id: string };
  const kinds = [
    () => run('/command', { command: 'true' }),
    () => run('/command', { command: 'echo out; echo err >&2; exit 3' }),
    () => run('/command', { command: 'sleep 0 &', background: true }),
    () => run(`/session/${session}/run`, { command: 'export A=1' }),
    () => run('/command', { argv: ['/no/program'] }),
  ];
  const ends = ['execution_complete', 'error', 'execution_complete', 'execution_complete', 'error'];
  for (const [index, kind] of kinds.entries()) expect(await kind()).toBe(ends[index]); // what the first of each makes stays
  await until(() => expect(childrenOf(executor.pid)).toEqual([]));
  const before = holdings();
  for (let index = 0; index < COMMANDS; index += 1) expect(await kinds[index % kinds.length]?.()).toBe(ends[index % ends.length]);
  await until(() => expect(moreThan(before)).toEqual([]));
  expect(readdirSync(executor.dataDir).length).toBeLessThan(100); // pipes made ahead
});

/** A number of a process in a file of /proc. */
const numberIn = (pid: number, file: string, name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1]);

test('a hundred megabytes come whole to a slow reader, and wait for him in the command and not in memory (E3)', async () => {
  const before = numberIn(executor.pid, 'status', 'VmRSS');
  const writer = `my $line = "X" x ${LINE.length} . "\n"; syswrite(STDOUT, "$$\n"); syswrite(STDOUT, $line) for 1..${LINE.count}`;
  const answer = await begin('/command', { argv: ['/usr/bin/perl', '-e', writer] });
  let [tail, count] = ['', 0];
  const take = (piece: Buffer) => {
    for (let index = 0; index < piece.length; index += 1) count += piece[index] === 0x58 ? 1 : 0;
    tail = (tail + piece.toString('latin1', Math.max(0, piece.length - 200))).slice(-200);
  };
  const pid = await new Promise<number>((resolve) => {
    let head = '';
    answer.on('data', take).on('data', function find(piece: Buffer) {
      head += piece.toString('latin1', 0, 1000);
      const told = /"text":"(\d{1,9})"/.exec(head)?.[1];
      if (told !== undefined) {
        answer.off('data', find).pause();
        resolve(Number(told));
      }
    });
  });
  let last = 0;
  const whileNobodyReads = await until(() => {
    const [earlier, now] = [last, numberIn(pid, 'io', 'wchar')];
    last = now;
    expect([now > 100_000, now]).toEqual([true, earlier]);
    return now;
  });
  expect(whileNobodyReads).toBeLessThan(LINE.count * LINE.length); // the connection itself may hold a third of it
  answer.resume();
  await once(answer, 'end');
  expect([count, /"type":"(\w+)"[^\n]*\n\n$/.exec(tail)?.[1]]).toEqual([LINE.count * LINE.length, 'execution_complete']);
  expect((numberIn(executor.pid, 'status', 'VmHWM') - before) * 1024).toBeLessThan(GROWTH_BOUND_BYTES);
});
