// A real OpenID provider for tests. Its settings are the one argument, JSON; `rotate` on standard
// input gives it a new key in place of the old one, and its standard output says when that is done.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const settings = JSON.parse(process.argv[2]);

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

// The login is the person: `people` says what the provider knows of each.
async function findAccount(_context, login) {
  return { accountId: login, claims: async () => ({ sub: login, ...settings.people[login] }) };
}

function newHandler() {
  const provider = new Provider(settings.issuer, {
    clients: settings.clients,
    findAccount,
    jwks: { keys: [newKey()] },
    cookies: { keys: [randomUUID()] },
    scopes: ['openid', 'profile', 'groups'],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], groups: ['groups'] },
    // Without these each start warns.
    ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 300, IdToken: 300, Interaction: 300, Session: 300 },
  });
  return provider.callback();
}

let handler = newHandler();
const tls = { key: readFileSync(settings.key), cert: readFileSync(settings.certificate) };
const server = createServer(tls, (request, response) => handler(request, response));
server.listen(settings.port, '127.0.0.1', () => console.log('ready'));

createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'rotate') {
    handler = newHandler();
    console.log('rotated');
  }
}).on('close', () => process.exit(0));
