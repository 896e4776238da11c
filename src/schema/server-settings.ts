import { defineSettings, type SettingsOf } from './settings';

/**
 * Flags and environment of the lifecycle server; everything else is in its configuration file.
 *
 * @see src/schema/server-config.ts
 */
export const serverSettings = defineSettings('server', {
  config: { flag: 'config', env: 'SANDBOX_CONFIG_PATH', kind: 'string', description: 'Configuration file in TOML; absent means ~/.sandbox.toml, and defaults where there is none.' },
  checkConfig: { flag: 'check-config', kind: 'boolean', default: 'false', description: 'Print what is wrong with the configuration, or without effect, and end.' },
  apiKey: { env: 'OPENSANDBOX_SERVER_API_KEY', kind: 'string', secret: true, description: 'API key, in the place of server.api_key.' },
  insecure: { env: 'OPENSANDBOX_INSECURE_SERVER', kind: 'string', description: 'YES: start without an API key, and serve anybody.' },
  secureAccessKeys: { env: 'OPENSANDBOX_SECURE_ACCESS_KEYS', kind: 'string', secret: true, description: 'Keys that sign routes, as id=base64,…, in the place of ingress.secure_access.keys.' },
  secureAccessActiveKey: { env: 'OPENSANDBOX_SECURE_ACCESS_ACTIVE_KEY', kind: 'string', description: 'Id of the one that signs, in the place of ingress.secure_access.active_key.' },
  podNamespace: { env: 'POD_NAMESPACE', kind: 'string', description: 'Namespace of sandboxes and pools where the configuration names none.' },
});

/** Values of the flags and the environment. */
export type ServerSettings = SettingsOf<(typeof serverSettings)['table']>;
