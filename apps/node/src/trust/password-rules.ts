import { HoldfastError } from '@holdfast/api/contract/errors'
import { limits } from '@holdfast/api/contract/limits'

/** Fewer different characters than this are a pattern, however long the password is. */
const minDistinctCharacters = 5
/** A sequence on the keyboard or in the alphabet that makes up at least so much of a password makes it guessable. */
const sequences = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiop',
  'azertyuiop',
  '1q2w3e4r5t6y7u8i9o0p',
  'qazwsxedcrfvtgbyhnujmikolp',
]

/**
 * Words at the top of every list of leaked passwords, and those of the product itself. A password that is one of them
 * with digits and signs around it is refused, so the list holds stems only.
 */
const commonStems = new Set(
  `password passwort passw0rd motdepasse contrasena senha parola wachtwoord secret geheim access admin administrator root
  toor user guest test tester testing demo login logon welcome willkommen bienvenue hello letmein changeme changeit
  default temp temporary system server service manager operator owner security auditor helpdesk installer facility
  holdfast message messages messaging hospital clinic prison school factory plant office company business iloveyou
  loveyou lovely princess sunshine superman batman spiderman starwars pokemon dragon monkey master shadow football
  baseball basketball soccer hockey michael jennifer jessica ashley charlie thomas daniel jordan freedom whatever
  trustno1 computer internet samsung google facebook linkedin summer winter spring autumn sommer herbst january february
  april monday friday december november october september august qwerty qwertyuiop azerty asdfgh asdfghjkl zxcvbn
  zxcvbnm abc abcd abcdef abcabc onetwothree blink killer ninja mustang harley ferrari flower cookie cheese chocolate
  purple orange yellow silver golden diamond thunder tigger pepper ginger hunter ranger buster soldier hammer`.split(
    /\s+/,
  ),
)

export interface PasswordRules {
  /** In characters (code points). */
  minLength: number
  /** Login name, display name, facility: texts that the password must not be. */
  notEqualTo: readonly string[]
}

/**
 * Refuses a password that is too short or that is guessed first. Nothing is demanded of its kinds of characters
 * (NIST SP 800-63B, section 5.1.1.2).
 * @throws HoldfastError `weak-password` that says what to do instead
 */
export function checkPassword(password: string, rules: PasswordRules): void {
  const text = password.normalize('NFKC')
  const characters = [...text].length
  if (characters < rules.minLength) {
    throw weak(`The password has ${characters} characters and needs ${rules.minLength}: make it longer.`)
  }
  if (text.length > limits.passwordLength) {
    throw weak(`The password is over ${limits.passwordLength} characters: make it shorter.`)
  }
  const lower = text.toLowerCase()
  if (rules.notEqualTo.some((name) => sameStem(lower, name))) {
    throw weak(
      'The password is your name or that of the facility: choose another, such as four random words.',
    )
  }
  if (commonStems.has(stem(lower)) || commonStems.has(unleet(stem(lower)))) {
    throw weak(
      'The password is one of those that are tried first: choose another, such as four random words.',
    )
  }
  if (new Set(lower).size < minDistinctCharacters || isSequence(lower)) {
    throw weak('The password is a simple pattern: choose another, such as four random words.')
  }
}

function weak(message: string): HoldfastError {
  return new HoldfastError('weak-password', message)
}

/** The password without the digits and signs at its ends. */
function stem(text: string): string {
  return text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '')
}

const leet: Record<string, string> = {
  0: 'o',
  1: 'i',
  3: 'e',
  4: 'a',
  5: 's',
  7: 't',
  '@': 'a',
  $: 's',
  '!': 'i',
}
function unleet(text: string): string {
  return [...text].map((character) => leet[character] ?? character).join('')
}

function sameStem(password: string, name: string): boolean {
  const plain = name.normalize('NFKC').toLowerCase()
  if (plain === '') return false
  const squeeze = (text: string) => text.replace(/[\s._-]/g, '')
  return [password, stem(password)].some((text) => squeeze(text) === squeeze(plain))
}

/** Whether the password is one run along a sequence, forwards or backwards, perhaps twice. */
function isSequence(text: string): boolean {
  return sequences.some((sequence) => {
    const endless = sequence.repeat(Math.ceil(text.length / sequence.length) + 1)
    return endless.includes(text) || endless.includes([...text].reverse().join(''))
  })
}
