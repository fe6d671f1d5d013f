/* secret.c -- what must be fresh or unguessable in an attempt comes out of its secret, 16 random bytes that the worker
 * draws before the body runs: the id of the generation it may plan, the token of its own ticket, and one token for each
 * promise among its children. So the body can hand out a promise's ticket before there is a record of it, and nothing
 * that comes back from the body's process has to be believed. A derived value (SHA-256) tells nothing of the secret or
 * of the others; generations are public, tokens are stored as hashes only. */
#include "body/body.h"
#include <openssl/evp.h>
#include <string.h>

enum { DIGEST = 32, GENERATION = 'g', TOKEN = 't' };

static void digest(const uint8_t *data, size_t size, uint8_t out[DIGEST])
{
    unsigned written = DIGEST;
    JPX_ASSERT(EVP_Digest(data, size, out, &written, EVP_sha256(), NULL) == 1 && written == DIGEST);
}

static void derive(const uint8_t secret[JPX_SECRET_SIZE], uint8_t what, uint32_t number, void *out, size_t size)
{
    uint8_t data[JPX_SECRET_SIZE + 5], full[DIGEST];

    memcpy(data, secret, JPX_SECRET_SIZE);
    data[JPX_SECRET_SIZE] = what;
    jpx_put32(data + JPX_SECRET_SIZE + 1, number);
    digest(data, sizeof data, full);
    memcpy(out, full, size);
}

void jpx_secret_generation(const uint8_t secret[JPX_SECRET_SIZE], uint8_t gen[JPX_GEN_SIZE])
{
    derive(secret, GENERATION, 0, gen, JPX_GEN_SIZE);
    gen[0] |= 0x80; /* never the root's, which is all zero */
}

void jpx_secret_token(const uint8_t secret[JPX_SECRET_SIZE], uint32_t child, uint8_t token[JPX_TOKEN_SIZE])
{
    derive(secret, TOKEN, child, token, JPX_TOKEN_SIZE);
}

void jpx_token_hash(const uint8_t token[JPX_TOKEN_SIZE], uint8_t out[JPX_TOKEN_HASH_SIZE])
{
    digest(token, JPX_TOKEN_SIZE, out);
}
