import { once } from 'node:events';
import { connect } from 'node:net';
import { ExecutorProcess } from '../executor-process';
import { ExecdClient } from './execd-client';

let executor: ExecutorProcess;
let client: ExecdClient;
beforeAll(async () => {
  executor = await ExecutorProcess.start(['--execd-listen-addr=127.0.0.1:0']);
  client = new ExecdClient(`http://127.0.0.1:${executor.execdPort}`);
});
afterAll(() => executor.clean());

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
