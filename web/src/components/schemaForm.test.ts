import { expect, test } from 'vitest';
import type { JsonSchema } from '@/api/jsonSchema';
import { bodyOf, specsOf, valuesOf } from './schemaForm';

const secret: JsonSchema = { type: ['string', 'object', 'null'], properties: { set: { const: true } }, additionalProperties: false, writeOnly: true };

const HTTP: JsonSchema = {
  type: 'object',
  required: ['type', 'url'],
  properties: {
    type: { const: 'http' },
    url: { type: 'string' },
    port: { type: 'integer', default: 443 },
    headers: { type: 'object', additionalProperties: { type: ['string', 'number'] } },
    tls: { type: 'boolean' },
    to: { type: 'array' },
    options: { type: 'object', properties: { role: { type: 'string' } } },
    password: secret,
    auth: {
      oneOf: [
        { properties: { type: { const: 'none' } } },
        { required: ['type'], properties: { type: { const: 'bearer' }, token: secret } },
      ],
    },
  },
};

const TEXTS = {
  label: (key: string) => key, hint: (text: string) => text, byDefault: (value: string) => `${value}!`, remove: (label: string) => `remove ${label}`,
  none: '-', yes: 'yes', no: 'no', linesHint: 'lines', pairsHint: 'pairs', storedHint: 'stored',
};

const STORED = {
  type: 'http', url: 'http://x', port: 80, headers: { A: 'b: c', N: 1 }, tls: true, to: ['a', 'b'], options: { role: 'r' },
  password: { set: true }, auth: { type: 'bearer', token: '${secret.erp}' },
};

test('what is stored becomes texts, and the same body again', () => {
  const values = valuesOf(HTTP, STORED);
  expect(values).toEqual({
    url: 'http://x', port: '80', headers: 'A: b: c\nN: 1', tls: 'true', to: 'a\nb', 'options.role': 'r', password: '', 'auth.type': 'bearer',
    'auth.token': '${secret.erp}',
  });
  expect(bodyOf(HTTP, values)).toEqual({
    url: 'http://x', port: 80, headers: { A: 'b: c', N: '1' }, tls: true, to: ['a', 'b'], options: { role: 'r' },
    auth: { type: 'bearer', token: '${secret.erp}' },
  });
});

test('a secret is kept, replaced or removed', () => {
  const values = valuesOf(HTTP, STORED);
  expect(bodyOf(HTTP, values)).not.toHaveProperty('password');
  expect(bodyOf(HTTP, { ...values, password: ' new ' })).toHaveProperty('password', ' new ');
  expect(bodyOf(HTTP, { ...values, 'password.remove': 'true' })).toHaveProperty('password', null);
});

test('what is empty is left out, and what is no number is for the server to refuse', () => {
  expect(bodyOf(HTTP, { url: 'x', port: '', to: ' \n', headers: '', 'options.role': '', 'auth.type': '' })).toEqual({ url: 'x' });
  expect(bodyOf(HTTP, { port: 'many' })).toEqual({ port: 'many' });
});

test('the fields follow the chosen variant and what is stored', () => {
  const names = (values: Record<string, string>, stored: object | null) => specsOf(HTTP, values, { stored, texts: TEXTS }).map(({ name }) => name);
  expect(names({}, null)).toEqual(['url', 'port', 'headers', 'tls', 'to', 'options.role', 'password', 'auth.type']);
  expect(names({ 'auth.type': 'bearer' }, STORED)).toEqual([
    'url', 'port', 'headers', 'tls', 'to', 'options.role', 'password', 'password.remove', 'auth.type', 'auth.token',
  ]);
});
