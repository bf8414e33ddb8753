import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TrustFileError } from '../../trust/errors.ts'
import { auditKeyFile, openAuditKey } from './audit-key.ts'
import {
  type Checkpoint,
  checkpointText,
  cosignCheckpoint,
  cosignerKey,
  isLineBy,
  logKey,
  originOf,
  parseCheckpoint,
  readCheckpoint,
  signaturesOf,
  signCheckpoint,
  withLine,
} from './checkpoint.ts'
import {
  encodeKey,
  maxLines,
  maxNoteBytes,
  parseKey,
  parseNote,
  parseSignatureLine,
  verifyLine,
} from './signed-note.ts'
import { testFolder } from './test-log.ts'
import { testSigner } from './test-signer.ts'

const origin = originOf('0123456789ABCDEF0011')
const checkpoint: Checkpoint = { origin, size: 1234, root: Buffer.alloc(32, 7) }
const [ada, ben] = [testSigner(), testSigner()]
const adaKey = cosignerKey({ origin, node: 'n_ada', publicKey: ada.publicKey })
const benKey = cosignerKey({ origin, node: 'n_ben', publicKey: ben.publicKey })
const keys = [encodeKey(adaKey), encodeKey(benKey)]
const signed = withLine(`${checkpointText(checkpoint)}\n`, signCheckpoint(checkpoint, ada))
const cosigned = withLine(
  signed,
  cosignCheckpoint(checkpoint, { node: 'n_ben', signer: ben, at: 1_700_000_000_999 }),
)

describe('a checkpoint', () => {
  it('is read as it was written', () => {
    expect(originOf('0123456789ABCDEF0011')).toBe('holdfast/0123456789abcdef/audit')
    expect(readCheckpoint(cosigned)).toMatchObject(checkpoint)
    expect(signaturesOf(readCheckpoint(cosigned), keys)).toEqual([
      { key: keys[0], isLog: true, at: 0 },
      { key: keys[1], isLog: false, at: 1_700_000_000_000 },
    ])
  })

  it('is not believed with one byte changed, whichever it is', () => {
    const bytes = Buffer.from(cosigned)
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(bytes)
        changed[at] = (bytes[at] ?? 0) ^ flip
        let both = false
        try {
          // What is not UTF-8 is refused by the decoder.
          const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(changed)
          both = signaturesOf(readCheckpoint(text), keys)?.length === 2
        } catch (error) {
          if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
        }
        expect(both).toBe(false)
      }),
      { numRuns: 600 },
    )
  })

  it('keeps lines of unknown keys and does not count them', () => {
    const other = cosignCheckpoint(checkpoint, { node: 'n_eve', signer: testSigner(), at: 5000 })
    const note = withLine(cosigned, other)
    expect(readCheckpoint(note).lines).toHaveLength(3)
    expect(signaturesOf(readCheckpoint(note), keys)).toHaveLength(2)
    expect(signaturesOf(readCheckpoint(note), [])).toEqual([])
  })

  it('is not believed at all with a line of a known key that does not verify', () => {
    const stray = cosignCheckpoint({ ...checkpoint, size: 9 }, { node: 'n_ben', signer: ben, at: 5000 })
    expect(signaturesOf(readCheckpoint(withLine(signed, stray)), keys)).toBeNull()
  })

  it('has lines that stand for one key, one kind and one text only', () => {
    const cosignature = cosignCheckpoint(checkpoint, { node: 'n_ben', signer: ben, at: 5000 })
    expect(isLineBy(checkpoint, cosignature, benKey)).toBe(true)
    expect(isLineBy(checkpoint, cosignature, adaKey)).toBe(false)
    expect(isLineBy(checkpoint, cosignature, logKey(origin, benKey))).toBe(false)
    expect(isLineBy({ ...checkpoint, size: 1235 }, cosignature, benKey)).toBe(false)
    expect(isLineBy(checkpoint, signCheckpoint(checkpoint, ben), logKey(origin, benKey))).toBe(true)
    expect(isLineBy(checkpoint, signCheckpoint(checkpoint, ben), benKey)).toBe(false)
    expect(isLineBy(checkpoint, '', benKey)).toBe(false)
  })

  it('refuses every other form', () => {
    const root = checkpoint.root.toString('base64')
    for (const text of [
      '',
      `${origin}\n12\n${root}`,
      `${origin}\n012\n${root}\n`,
      `${origin}\n-1\n${root}\n`,
      `${origin}\n1e3\n${root}\n`,
      `${origin}\n99999999999999999\n${root}\n`,
      `${origin}\n9999999999999999\n${root}\n`,
      `${origin}\n12\n${root.slice(4)}\n`,
      `${origin}\n12\n${root.replace('=', '')}\n`,
      `${origin}\n12\n${root}\nextension\n`,
      `example.com/log\n12\n${root}\n`,
    ])
      expect(() => parseCheckpoint(text), text).toThrow(SyntaxError)
    for (const note of [
      '',
      signed.slice(0, -1),
      signed.replace('—', '-'),
      `${signed}\n`,
      `${signed}x\n`,
      signed.replace('\n', '\r\n'),
      checkpointText(checkpoint),
      `${signed}${'— a AAAAAAA=\n'.repeat(maxLines)}`,
      'x'.repeat(maxNoteBytes + 1),
    ])
      expect(() => readCheckpoint(note), JSON.stringify(note)).toThrow(SyntaxError)
  })

  it('is read or refused, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        for (const note of [text, `${text}\n\n${text}\n`, cosigned.replace('audit', text)])
          try {
            readCheckpoint(note)
          } catch (error) {
            expect(error).toBeInstanceOf(SyntaxError)
          }
        parseKey(text)
        parseSignatureLine(text)
      }),
    )
  })
})

describe('signed notes of others', () => {
  it('the example in the documentation of golang.org/x/mod/sumdb/note verifies', () => {
    const key = parseKey('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW')
    const { text, lines } = parseNote(
      "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
        '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
    )
    const [line] = lines
    if (key === null || line === undefined) throw new Error('not read')
    expect(verifyLine(text, line, key)).toBe(0)
    expect(verifyLine(`${text}.\n`, line, key)).toBeNull()
  })
})

describe('a key as text', () => {
  it('is read as it was written, whatever plus signs its base64 has', () => {
    for (let i = 0; i < 50; i++) {
      const key = cosignerKey({ origin, node: `n_${i}`, publicKey: testSigner().publicKey })
      expect(parseKey(encodeKey(key))).toEqual(key)
    }
  })

  it('is refused with another name, id, type or length', () => {
    const good = encodeKey(adaKey)
    const [name, id, material] = good.split(/\+(.{8})\+/)
    for (const bad of [
      '',
      'a+b',
      `x${good}`,
      `${name} x+${id}+${material}`,
      `${name}+00000000+${material}`,
      `${name}+${id}+${material?.slice(4)}`,
      `${name}+${id}+A${material?.slice(1)}`,
      good.repeat(4),
    ])
      expect(parseKey(bad), bad).toBeNull()
  })
})

describe("the node's key", () => {
  it('is made at the first need, readable by its owner only, and the same from then on', async () => {
    await using folder = await testFolder()
    const first = await openAuditKey(folder.path)
    const file = auditKeyFile(folder.path)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const again = await openAuditKey(folder.path)
    expect(again.publicKey).toEqual(first.publicKey)
    expect(
      isLineBy(
        checkpoint,
        signCheckpoint(checkpoint, again),
        logKey(origin, { ...adaKey, publicKey: first.publicKey }),
      ),
    ).toBe(true)
  })

  it('is not used when others may read it or when it is none', async () => {
    await using folder = await testFolder()
    await openAuditKey(folder.path)
    const file = auditKeyFile(folder.path)
    chmodSync(file, 0o640)
    await expect(openAuditKey(folder.path)).rejects.toThrow(TrustFileError)
    chmodSync(file, 0o600)
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.slice(0, 60))
    await expect(openAuditKey(folder.path)).rejects.toMatchObject({ fault: 'malformed' })
  })
})
