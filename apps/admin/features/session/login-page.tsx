'use client'

export function LoginPage() {
  return <main className="hf-entry" />
}
