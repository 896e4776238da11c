import { timingSafeEqual } from 'node:crypto';
import { type JsonObject, toJsonObject } from './json';

/** User that the token stands for; it may do everything. */
const USER = { username: 'sandboxes:admin', groups: ['system:masters', 'system:authenticated'] };

/** Checks the token of requests; how long that takes tells no more than the token's length. */
export class TokenCheck {
  private readonly token: Buffer;

  constructor(token: string) {
    this.token = Buffer.from(token);
  }

  isValid(token: string): boolean {
    const given = Buffer.from(token);
    return given.length === this.token.length && timingSafeEqual(given, this.token);
  }

  /** Whether an Authorization header carries the token. */
  admits(authorization: string | undefined): boolean {
    return authorization?.startsWith('Bearer ') === true && this.isValid(authorization.slice('Bearer '.length));
  }
}

/** Questions about who may do what: objects that are answered and never stored. Undefined when `path` asks none. */
export function answerReview(path: string, body: JsonObject, tokens: TokenCheck): JsonObject | undefined {
  switch (path) {
    case '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews':
    case '/apis/authorization.k8s.io/v1/subjectaccessreviews':
      return { ...body, status: { allowed: true } };
    case '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews':
      return { ...body, status: { resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }], incomplete: false } };
    case '/apis/authentication.k8s.io/v1/selfsubjectreviews':
      return { ...body, status: { userInfo: USER } };
    case '/apis/authentication.k8s.io/v1/tokenreviews': {
      const authenticated = tokens.isValid(String(toJsonObject(body.spec).token ?? ''));
      return { ...body, status: authenticated ? { authenticated, user: USER } : { authenticated } };
    }
    default:
      return undefined;
  }
}
