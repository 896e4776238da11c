import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { selfSignedCertificate } from '../../../local/api/certificate';
import { systemClock } from '../../../src/program/clock';
import { Random } from '../random';
import { ApiWeather } from '../weather';
import { FaultyProxy, type ServedRequest } from './faulty-proxy';

const PIECES = Array.from({ length: 200 }, (_, index) => `{"number":${index}}\n`);

let server: Server;
let proxy: FaultyProxy;
let weather: ApiWeather;
let served: ServedRequest[];

beforeEach(async () => {
  const { cert, key } = selfSignedCertificate(['127.0.0.1'], new Date());
  server = createServer({ cert, key }, (incoming, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    if (incoming.url?.includes('watch=true') !== true) {
      response.end(`"${incoming.method ?? ''}"`);
      return;
    }
    const pieces = [...PIECES];
    const sendNext = () => {
      const piece = pieces.shift();
      if (piece === undefined) response.end();
      else response.write(piece, () => setImmediate(sendNext)); // each in a packet of its own
    };
    sendNext();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  weather = new ApiWeather(systemClock, new Random('weather'), 10);
  served = [];
  const upstream = { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, token: '', ca: cert };
  proxy = await FaultyProxy.start({ upstream, weather, random: new Random('proxy'), onServed: (each) => served.push(each) });
});

afterEach(async () => {
  await proxy.close();
  server.close();
  server.closeAllConnections();
});

const get = async (path: string) => {
  const { statusCode, body } = await request(`${proxy.url}${path}`);
  return { status: statusCode, text: await body.text() };
};

test('what a watch sends arrives whole and in its order', async () => {
  expect(await get('/pods?watch=true')).toEqual({ status: 200, text: PIECES.join('') });
});

test('a request is served though its answer is lost', async () => {
  weather.begin('lostAnswers', 1, 60_000);
  await expect(get('/pods/a')).rejects.toThrow();
  expect(served).toEqual([{ method: 'GET', path: '/pods/a', body: '', status: 200, answer: '"GET"' }]);
});

test('a request that is cut or refused is not served', async () => {
  weather.begin('cut', 1, 60_000);
  await expect(get('/pods/a')).rejects.toThrow();
  weather.clear();
  weather.begin('429', 1, 60_000);
  expect(await get('/pods/a')).toMatchObject({ status: 429 });
  expect(served).toEqual([]);
});

test('who was away serves again once it is back', async () => {
  proxy.goAway();
  await expect(get('/pods/a')).rejects.toThrow();
  proxy.comeBack();
  expect(await get('/pods/a')).toEqual({ status: 200, text: '"GET"' });
});

test('the next watch of a kind that is watched is told once that it is too late', async () => {
  const watch = await request(`${proxy.url}/pods?watch=true`);
  proxy.forgetHistory();
  proxy.dropWatches(false);
  await expect(watch.body.text()).rejects.toThrow();
  expect(await get('/pods?watch=true&resourceVersion=7')).toMatchObject({ status: 410 });
  expect(await get('/pods?watch=true&resourceVersion=7')).toMatchObject({ status: 200 });
  expect(await get('/pools?watch=true')).toMatchObject({ status: 200 });
});
