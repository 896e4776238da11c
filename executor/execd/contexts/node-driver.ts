import { INPUT_FD, MORE_FD } from '../../tasks/task-process';
import { MOST_ERROR, MOST_RESULT } from './answers';

/**
 * Runs code that comes by INPUT_FD, a line of JSON each, and answers by MORE_FD (`answers.ts`); Node itself keeps both from the programs that it starts. For
 * Node 18 and later; loads nothing that is not part of it.
 *
 * The inspector evaluates the code, as the console of a browser does: with `await` at the top level, and `const` that can be declared again. It does so within
 * a script that SIGINT breaks off; code that only waits is given up by SIGINT, and what it waits for goes on. Between the two there is a moment without a
 * handler, of which the answers tell. Values come out of the inspector through a box that both sides know, since it has but names for them.
 */
export const NODE_DRIVER = String.raw`(() => {
  const fs = require('fs');
  const { Socket } = require('net');
  const { inspect } = require('util');
  const { Script } = require('vm');
  const { Session } = require('inspector');
  const { promiseHooks } = require('v8');

  const BOX = 'globalThis[Symbol.for("code context")]';
  const INTERRUPTED = { error: { ename: 'Interrupted', evalue: 'the code was interrupted by SIGINT', traceback: ['Interrupted: the code was interrupted by SIGINT'] } };
  const UNSHOWABLE = { error: { ename: 'Error', evalue: 'a value that cannot be shown', traceback: ['Error: a value that cannot be shown'] } };
  const outputs = [process.stdout, process.stderr].map((stream) => ({ stream, write: stream.write.bind(stream) }));
  const box = {};
  Object.defineProperty(globalThis, Symbol.for('code context'), { value: box });
  const session = new Session();
  session.connect();
  let boxId;
  session.post('Runtime.evaluate', { expression: BOX }, (error, reply) => (boxId = reply.result.objectId));
  let end;   // of the code that runs

  const send = (answer) => {
    const bytes = Buffer.from(JSON.stringify(answer) + '\n');
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(${MORE_FD}, bytes, at);
  };

  const flushed = () => Promise.all(outputs.map(({ stream, write }) => new Promise((done) => (stream.writableLength === 0 ? done() : write('', done)))));

  const script = new Script(BOX + '.work()');
  const breakable = (work) => {
    box.work = work;
    script.runInThisContext({ breakOnSigint: true, displayErrors: false });
  };

  // The inspector waits for a promise of the whole code. When that is collected, since nobody can settle it any more, newer versions of Node crash: it is held
  // with the callback, which the session has until the answer comes.
  let stopHolding = () => {};
  const evaluate = (params, callback) => {
    let held;
    if (promiseHooks) stopHolding = promiseHooks.onInit((promise) => (held = held || promise));
    session.post('Runtime.evaluate', params, (error, reply) => {
      held = undefined;
      callback(error, reply);
    });
  };

  const valueOf = ({ objectId, unserializableValue, value }) => {
    const argument = objectId !== undefined ? { objectId } : unserializableValue !== undefined ? { unserializableValue } : { value };
    session.post('Runtime.callFunctionOn', { objectId: boxId, functionDeclaration: 'function (value) { this.value = value; }', arguments: [argument], silent: true });
    const found = box.value;
    box.value = undefined;
    return found;
  };

  const explain = (thrown, name, { lineNumber, columnNumber }) => {
    if (!(thrown instanceof Error)) {
      const text = inspect(thrown).slice(0, ${MOST_ERROR});
      return { ename: 'Error', evalue: text, traceback: ['Uncaught ' + text] };
    }
    const lines = String(thrown.stack).split('\n');
    const last = lines.reduce((found, line, index) => (/\bcell-\d+\.js:/.test(line) ? index : found), -1);
    const shown = last >= 0 ? lines.slice(0, last + 1) : [lines[0], '    at ' + name + ':' + (lineNumber + 1) + ':' + (columnNumber + 1)];
    return { ename: String(thrown.name).slice(0, ${MOST_ERROR}), evalue: String(thrown.message).slice(0, ${MOST_ERROR}), traceback: shown.join('\n').slice(-${MOST_ERROR}).split('\n') };
  };

  const answerOf = ({ result, exceptionDetails }, name) => {
    if (exceptionDetails !== undefined) return { error: explain(valueOf(exceptionDetails.exception), name, exceptionDetails) };
    const value = valueOf(result);
    return value === undefined ? {} : { result: inspect(value).slice(0, ${MOST_RESULT}) };
  };

  const handle = ({ code, count }) => {
    const name = 'cell-' + count + '.js';
    const endThis = (answer) => {
      if (end !== endThis) return;
      end = undefined;
      session.post('Runtime.releaseObjectGroup', { objectGroup: name });
      void flushed().then(() => send({ type: 'done', ...answer }));
    };
    end = endThis;
    const answer = (reply) => {
      try {
        endThis(answerOf(reply, name));
      } catch {
        endThis(UNSHOWABLE);
      }
    };
    try {
      breakable(() => {
        send({ type: 'begun', isUnsettled: true });
        evaluate({ expression: code + '\n//# sourceURL=' + name, replMode: true, silent: true, objectGroup: name }, (error, reply) => (error ? endThis(INTERRUPTED) : answer(reply)));
      });
    } catch {
      endThis(INTERRUPTED);
    } finally {
      stopHolding();   // not within the script: what SIGINT breaks off, runs no finally
      stopHolding = () => {};
    }
    if (end === endThis) send({ type: 'begun' });
  };

  process.on('SIGINT', () => end && end(INTERRUPTED));
  process.on('uncaughtException', (error) => outputs[1].write('Uncaught ' + inspect(error) + '\n'));
  let text = '';
  const requests = new Socket({ fd: ${INPUT_FD}, readable: true, writable: false });
  requests.setEncoding('utf8');
  requests.on('data', (piece) => {
    text += piece;
    if (!piece.endsWith('\n')) return;   // there is one request at a time
    const request = JSON.parse(text);
    text = '';
    handle(request);
  });
  requests.on('close', () => process.exit());
  send({ type: 'ready' });
})();
`;
