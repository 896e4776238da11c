import { type CodeContextInfo, createCodeContextRequest, runCodeRequest } from '../../../src/schema/execd-api';
import { sendEmpty, sendJson } from '../answers';
import { type Call, readJson, requireQuery } from '../calls';
import { type CommandRoutesOptions, interruptRoute, runCommand } from '../commands/routes';
import { badBody, Refusal } from '../refusal';
import type { RouteTable } from '../router';
import type { CodeContext } from './code-context';
import type { Contexts } from './contexts';
import { requireShellCode } from './shell-context';

/** Code contexts: make, run in, interrupt, list, delete. */
export function contextRoutes(contexts: Contexts, commands: CommandRoutesOptions): RouteTable {
  return {
    '/code': {
      POST: async (call) => {
        const { code, context: wanted } = await readJson(call, runCodeRequest);
        const { id, language } = wanted ?? {};
        if (id) {
          await requireContext(contexts, id, language).run(call, code);
        } else if (language) {
          await runInShared(contexts, language, call, code);
        } else {
          await runCommand(call, { command: requireShellCode(code) }, commands);
        }
      },
      DELETE: interruptRoute(commands),
    },
    '/code/context': {
      POST: async (call) => {
        const { language, cwd } = await readJson(call, createCodeContextRequest);
        sendJson(call.response, infoOf(await contexts.create(language, cwd ?? '')));
      },
    },
    '/code/contexts': {
      GET: ({ query, response }) => sendJson(response, contexts.list(query.get('language') || undefined).map(infoOf)),
      DELETE: async ({ query, response }) => {
        await Promise.all(contexts.list(requireQuery(query, 'language')).map((context) => contexts.delete(context)));
        sendEmpty(response);
      },
    },
    '/code/contexts/{id}': {
      GET: ({ params, response }) => sendJson(response, infoOf(contexts.require(params['id'] ?? ''))),
      DELETE: async ({ params, response }) => {
        await contexts.delete(contexts.require(params['id'] ?? ''));
        sendEmpty(response);
      },
    },
  };
}

const infoOf = ({ id, language }: CodeContext): CodeContextInfo => ({ id, language });

/** @throws Refusal of status 404 for a context that is unknown or gone, 400 for one of another language */
function requireContext(contexts: Contexts, id: string, language: string | null | undefined): CodeContext {
  const context = contexts.require(id);
  if (language && language !== context.language) {
    throw badBody({ path: 'context.language', expected: `${context.language}, the language of that context, or nothing`, got: `'${language.slice(0, 200)}'` });
  }
  return context;
}

/** Runs code in the context that its language shares; in a new one where that is gone before its turn, since the caller has named none. */
async function runInShared(contexts: Contexts, language: string, call: Call, code: string): Promise<void> {
  const context = await contexts.share(language);
  try {
    await context.run(call, code);
  } catch (error) {
    if (!(error instanceof Refusal && error.code === 'CONTEXT_NOT_FOUND') || call.response.destroyed) {
      throw error;
    }
    contexts.unshare(context);
    await (await contexts.share(language)).run(call, code);
  }
}
