'use client'

export function SetupPage() {
  return <main className="hf-entry" />
}
