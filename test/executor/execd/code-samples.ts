/** Pieces of code of one language, which do the same in each. */
export interface CodeSample {
  /** Sets x to 40, and writes `out` and `err`. */
  readonly begin: string;
  readonly add: string;
  /** Code that fails -> name and message of the error. */
  readonly failures: Readonly<Record<string, readonly [ename: string, evalue: string | RegExp]>>;
  readonly awaits: string;
  /** Makes a file, and never ends. */
  readonly loops: readonly ((file: string) => string)[];
  readonly interrupted: string;
  readonly pid: string;
  readonly exit: string;
  /** Status of a program that looks for the pipes of the interpreter; 1 is that it has none of them. */
  readonly leaks: string;
}

/** Samples by language. */
export const CODE_SAMPLES: Readonly<Record<string, CodeSample>> = {
  python: {
    begin: 'import sys\nx = 40\nprint("out")\nprint("err", file=sys.stderr)',
    add: 'y = 2\nx + y',
    failures: {
      '1 / 0': ['ZeroDivisionError', 'division by zero'],
      'def f():\n  missing\nf()': ['NameError', /missing/],
      'x =': ['SyntaxError', /invalid syntax/],
      'import sys\nsys.exit(3)': ['SystemExit', '3'],
      'class E(Exception):\n  def __str__(self): raise self\nraise E': ['E', /./],
      'input()': ['EOFError', /EOF/],
      'import sys\nraise type("E" * 70000, (Exception,), {"__str__": lambda self: sys.exit(3)})': ['E'.repeat(65_536), /cannot be shown/],
    },
    awaits: 'import asyncio\nawaited = await asyncio.sleep(0, 41)\nawaited + await asyncio.sleep(0, 1)',
    loops: [
      (file) => `open(${JSON.stringify(file)}, "w").close()\nwhile True: pass`,
      (file) => `import asyncio\nopen(${JSON.stringify(file)}, "w").close()\nawait asyncio.sleep(1000)`,
    ],
    interrupted: 'KeyboardInterrupt',
    pid: 'import os\nos.getpid()',
    exit: 'import os\nos._exit(7)',
    leaks: 'import subprocess\nsubprocess.run(["readlink", "/proc/self/fd/6", "/proc/self/fd/7"], close_fds=False).returncode',
  },
  javascript: {
    begin: 'const x = 40; console.log("out"); console.error("err")',
    add: 'const y = 2; x + y',
    failures: {
      'null.x': ['TypeError', /null/],
      'const f = () => missing;\nf()': ['ReferenceError', 'missing is not defined'],
      'const x =': ['SyntaxError', /Unexpected/],
      'throw "text"': ['Error', "'text'"],
      'await Promise.reject(new RangeError("far"))': ['RangeError', 'far'],
      'throw Object.defineProperty(new Error(), "stack", { get() { throw 1; } })': ['Error', /cannot be shown/],
      'throw Object.assign(new Error("long"), { name: "E".repeat(70000) })': ['E'.repeat(65_536), 'long'],
    },
    awaits: 'const awaited = await 41; awaited + await new Promise((resolve) => setImmediate(resolve, 1))',
    loops: [
      (file) => `require("fs").writeFileSync(${JSON.stringify(file)}, ""); for (;;);`,
      (file) => `setTimeout(() => require("fs").writeFileSync(${JSON.stringify(file)}, "")); await new Promise(() => {})`,
    ],
    interrupted: 'Interrupted',
    pid: 'process.pid',
    exit: 'process.exit(7)',
    leaks: 'require("child_process").spawnSync("readlink", ["/proc/self/fd/6", "/proc/self/fd/7"], { stdio: "inherit" }).status',
  },
};
