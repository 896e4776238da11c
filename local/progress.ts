import type { ListrTask } from 'listr2';

/** Shows what a command is doing, on standard error. */
export interface Progress {
  /**
   * Runs one step and shows it with its outcome. A step that throws is shown as failed and throws on.
   *
   * @param run gets a function that replaces the text behind the title, and returns the step's result
   */
  step<T>(title: string, run: (show: (detail: string) => void) => Promise<T>): Promise<T>;
}

/** Shows nothing. */
export const silentProgress: Progress = { step: (_title, run) => run(() => undefined) };

/** Live lines on a terminal; plain lines when standard error is not one. */
export async function terminalProgress(): Promise<Progress> {
  const { Listr, ListrLogger, ProcessOutput } = await import('listr2');
  const logger = new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) });
  return {
    step: async (title, run) => {
      let result: { readonly value: Awaited<ReturnType<typeof run>> } | undefined;
      let failure: { readonly error: unknown } | undefined;
      const task: ListrTask = {
        title,
        task: async (_context, shown) => {
          try {
            result = { value: await run((detail) => (shown.title = `${title}: ${detail}`)) };
          } catch (error) {
            failure = { error };
            // The command prints the error itself, once; after Ctrl-C there is nothing to print.
            throw new Error(error instanceof Error && error.name === 'Interruption' ? error.message : 'see below');
          }
        },
      };
      const renderer = process.stderr.isTTY ? 'default' : 'simple';
      const list = new Listr([task], { renderer, rendererOptions: { logger }, registerSignalListeners: false, exitOnError: false });
      await list.run();
      if (failure !== undefined) throw failure.error;
      if (result === undefined) throw new Error(`step '${title}': expected a result, got none`);
      return result.value;
    },
  };
}
