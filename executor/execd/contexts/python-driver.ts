import { INPUT_FD, MORE_FD } from '../../tasks/task-process';
import { MOST_ERROR, MOST_RESULT } from './answers';

/**
 * Runs code that comes by INPUT_FD, a line of JSON each, and answers by MORE_FD (`answers.ts`), which no program that the code starts gets. For Python 3.6 and
 * later; loads nothing that is not part of it.
 *
 * The code sees a `__main__` of its own, and may await at the top level, which an event loop of the context's runs. An interrupt counts while code runs, and
 * at no other time: else it would end the driver.
 */
export const PYTHON_DRIVER = String.raw`
import sys
PATHS = sys.path[:]
sys.path[:] = [path for path in PATHS if path != '']   # a json.py of the working directory is for the code, not for us
import ast, builtins, json, linecache, os, signal, traceback, types
sys.path[:] = PATHS

FLAGS = getattr(ast, 'PyCF_ALLOW_TOP_LEVEL_AWAIT', 0)
CO_COROUTINE = 0x80
OWN_PID = os.getpid()
loops = []

def send(answer):
    data = json.dumps(answer).encode() + b'\n'
    while data:
        data = data[os.write(${MORE_FD}, data):]

def no_interrupt(number, frame):
    pass

def complete(coroutine):
    import asyncio
    if not loops:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[0])
    task = loops[0].create_task(coroutine)
    try:
        return loops[0].run_until_complete(task)
    finally:
        if not task.done():
            task.cancel()
            loops[0].run_until_complete(asyncio.wait([task]))
        if not task.cancelled():
            task.exception()   # it is told of already

def evaluate(tree, name, mode, names):
    code = compile(tree, name, mode, FLAGS, True)
    value = eval(code, names)
    return complete(value) if code.co_flags & CO_COROUTINE else value

def run(code, name, names):
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    tree = compile(code, name, 'exec', FLAGS | ast.PyCF_ONLY_AST, True)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    evaluate(tree, name, 'exec', names)
    value = None if last is None else evaluate(ast.Expression(last.value), name, 'eval', names)
    return {} if value is None else {'result': repr(value)[:${MOST_RESULT}]}

def explain(error):
    frames = error.__traceback__
    while frames is not None and not frames.tb_frame.f_code.co_filename.startswith('<cell '):
        frames = frames.tb_next
    name = 'Error'
    try:
        name = str(type(error).__name__)
        value = str(error)
        lines = ''.join(traceback.format_exception(type(error), error, frames))
    except BaseException:   # also what would end the driver
        value = lines = 'an error that cannot be shown'
    return {'ename': name[:${MOST_ERROR}], 'evalue': value[:${MOST_ERROR}], 'traceback': lines[-${MOST_ERROR}:].rstrip('\n').split('\n')}

def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass

def handle(request, names):
    name = '<cell %d>' % request['count']
    try:
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            send({'type': 'begun'})
            answer = run(request['code'], name, names)
        finally:
            signal.signal(signal.SIGINT, no_interrupt)
    except BaseException as error:
        signal.signal(signal.SIGINT, no_interrupt)   # an interrupt at the very end comes before the one above
        answer = {'error': explain(error)}
    flush()
    if os.getpid() != OWN_PID:
        os._exit(1 if 'error' in answer else 0)   # a fork that has gone past the end of the code
    answer['type'] = 'done'
    send(answer)

def main():
    for fd in (${MORE_FD}, ${INPUT_FD}):
        os.set_inheritable(fd, False)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(encoding='utf-8', line_buffering=True)
    module = types.ModuleType('__main__')
    module.__dict__['__builtins__'] = builtins
    sys.modules['__main__'] = module
    sys.argv = ['']
    signal.signal(signal.SIGINT, no_interrupt)
    with os.fdopen(${INPUT_FD}, 'rb') as requests:
        send({'type': 'ready'})
        for line in iter(requests.readline, b''):
            handle(json.loads(line.decode()), module.__dict__)

main()
`;
