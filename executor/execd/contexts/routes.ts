import type * as z from 'zod/mini';
import { type CodeContextInfo, createCodeContextRequest, runCodeRequest } from '../../../src/schema/execd-api';
import { sendEmpty, sendJson } from '../answers';
import { readJson, requireQuery } from '../calls';
import { type CommandRoutesOptions, interruptRoute, runCommand } from '../commands/routes';
import { badBody } from '../refusal';
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
        const context = await chooseContext(contexts, wanted ?? {});
        await (context === undefined ? runCommand(call, { command: requireShellCode(code) }, commands) : context.run(call, code));
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

/** Undefined for code that names neither context nor language: a command for a shell. */
async function chooseContext(contexts: Contexts, { id, language }: NonNullable<z.infer<typeof runCodeRequest>['context']>): Promise<CodeContext | undefined> {
  if (!id) {
    return language ? contexts.share(language) : undefined;
  }
  const context = contexts.require(id);
  if (language && language !== context.language) {
    throw badBody({ path: 'context.language', expected: `${context.language}, the language of that context, or nothing`, got: `'${language.slice(0, 200)}'` });
  }
  return context;
}
