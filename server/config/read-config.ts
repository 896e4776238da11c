import { parse as parseToml, TomlError } from 'smol-toml';
import { type Problem, formatProblem, showKind, showValue } from '../../src/schema/errors';
import { serverConfig, type ServerConfig } from '../../src/schema/server-config';
import type { ServerSettings } from '../../src/schema/server-settings';
import { isRecord, parse } from '../../src/schema/validation';
import { unknownKeys, unusedKeys } from './config-keys';

/** A configuration, or everything that is wrong with it; one sentence each. */
export type ReadConfig =
  | { readonly ok: true; readonly config: ServerConfig; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[]; readonly warnings: readonly string[] };

/** Longest create that SDKs, which give up after 30 s, still hear the end of, in seconds. */
const SDK_PATIENCE_SECONDS = 28;

/**
 * Reads a configuration file; settings of the environment win over it. Nothing secret is in what it says.
 *
 * @param text TOML; empty for no file
 */
export function readConfig(text: string, settings: Partial<ServerSettings> = {}): ReadConfig {
  let file: unknown;
  try {
    file = parseToml(text);
  } catch (error) {
    // Its message quotes the line, which may hold a key.
    const place = error instanceof TomlError ? ` at line ${error.line}, column ${error.column}` : '';
    return { ok: false, problems: [`configuration: expected TOML, got another text${place}`], warnings: [] };
  }
  const sections = withSections(file);
  const keys = secureAccessOf(settings);
  if (keys.value !== undefined && isRecord(sections.ingress)) sections.ingress = { ...sections.ingress, secure_access: keys.value };
  const warnings = [...unknownKeys(serverConfig, file), ...unusedKeys(serverConfig, file)];
  const parsed = parse(serverConfig, sections);
  const problems = parsed.ok ? contradictions(parsed.value) : parsed.problems;
  const sentences = [...problems.map(formatProblem), ...keys.problems];
  if (!parsed.ok || sentences.length > 0) return { ok: false, problems: sentences, warnings };
  return { ok: true, config: parsed.value, warnings: [...warnings, ...doubts(parsed.value)] };
}

/** Every section is there, so that its defaults are. */
function withSections(file: unknown): Record<string, unknown> {
  const given = isRecord(file) ? file : {};
  const names = ['server', 'log', 'runtime', 'secure_runtime', 'kubernetes', 'ingress', 'storage', 'egress', 'pools', 'renew_intent', 'proxy'];
  return { ...Object.fromEntries(names.map((name) => [name, {}])), ...given };
}

/** Values that do not go together. */
function contradictions({ runtime: { execd_access_token_file: tokenFile, execd_access_token_secret: tokenSecret }, secure_runtime: runtime, ingress }: ServerConfig): Problem[] {
  const { mode, gateway, secure_access: secureAccess } = ingress;
  return [
    ...(runtime.type !== '' && runtime.k8s_runtime_class === undefined
      ? [{ path: 'secure_runtime.k8s_runtime_class', expected: `the RuntimeClass of ${runtime.type}`, got: 'nothing' }]
      : []),
    ...(runtime.type === '' && runtime.k8s_runtime_class !== undefined ? [{ path: 'secure_runtime.type', expected: 'gvisor or kata beside k8s_runtime_class', got: 'nothing' }] : []),
    ...(tokenSecret !== undefined && tokenFile === undefined
      ? [{ path: 'runtime.execd_access_token_file', expected: 'a file with the token of execd_access_token_secret, or nobody could be told of it', got: 'nothing' }]
      : []),
    ...(mode === 'gateway' && gateway === undefined ? [{ path: 'ingress.gateway', expected: 'address and route, since ingress.mode is gateway', got: 'nothing' }] : []),
    ...(mode === 'direct' && gateway !== undefined ? [{ path: 'ingress.gateway', expected: 'nothing, since ingress.mode is direct', got: showKind(gateway) }] : []),
    ...(mode === 'direct' && secureAccess !== undefined ? [{ path: 'ingress.secure_access', expected: 'nothing, since ingress.mode is direct', got: showKind(secureAccess) }] : []),
    ...(gateway === undefined ? [] : addressProblems(gateway)),
    ...(secureAccess === undefined ? [] : keyProblems(secureAccess)),
  ];
}

const HOST = /^(?!-)[A-Za-z0-9.-]{1,253}(:\d{1,5})?$/;

function addressProblems({ address, route }: NonNullable<ServerConfig['ingress']['gateway']>): Problem[] {
  const [fits, expected] = {
    wildcard: [address.startsWith('*.') && HOST.test(address.slice(2)), '*.domain, with an optional port'] as const,
    header: [HOST.test(address), 'a host, with an optional port'] as const,
    uri: [!address.includes('://') && address.trim() !== '', 'a host with an optional port and path'] as const,
  }[route.mode];
  return fits && !address.includes('://') ? [] : [{ path: 'ingress.gateway.address', expected: `${expected}, without scheme`, got: showValue(address) }];
}

function keyProblems({ active_key: active, keys }: NonNullable<ServerConfig['ingress']['secure_access']>): Problem[] {
  const ids = keys.map(({ key_id: id }) => id);
  return [
    ...(new Set(ids).size < ids.length ? [{ path: 'ingress.secure_access.keys', expected: 'a key_id for each of their own', got: 'one twice' }] : []),
    ...(ids.includes(active) ? [] : [{ path: 'ingress.secure_access.active_key', expected: 'the key_id of one of the keys', got: showValue(active) }]),
  ];
}

/** What is possible, but hardly wanted. */
function doubts({ kubernetes, runtime: { execd_access_token_file: tokenFile, execd_access_token_secret: tokenSecret } }: ServerConfig): string[] {
  const seconds = kubernetes.sandbox_create_timeout_seconds;
  return [
    ...(seconds > SDK_PATIENCE_SECONDS ? [`kubernetes.sandbox_create_timeout_seconds: SDKs give up after 30 s and do not hear the end of a create that takes ${seconds} s`] : []),
    ...(tokenFile !== undefined && tokenSecret === undefined ? ['runtime.execd_access_token_secret: without it, executors of sandboxes without a pool ask nobody for the token of execd_access_token_file'] : []),
  ];
}

/** Signing keys of the environment, in the form of the file. */
function secureAccessOf({ secureAccessKeys, secureAccessActiveKey }: Partial<ServerSettings>): { readonly value?: object; readonly problems: readonly string[] } {
  if (secureAccessKeys === undefined && secureAccessActiveKey === undefined) return { problems: [] };
  if (secureAccessKeys === undefined || secureAccessActiveKey === undefined) {
    return { problems: ['OPENSANDBOX_SECURE_ACCESS_KEYS and OPENSANDBOX_SECURE_ACCESS_ACTIVE_KEY: expected both or neither, got one'] };
  }
  const keys = secureAccessKeys.split(',').map((pair) => {
    const at = pair.indexOf('=');
    return { key_id: pair.slice(0, Math.max(at, 0)).trim(), key: pair.slice(at + 1).trim() };
  });
  return { value: { active_key: secureAccessActiveKey, keys }, problems: [] };
}
