'use client'
import { Button, Popover } from '@patternfly/react-core'
import { CheckCircleIcon } from '@patternfly/react-icons/dist/esm/icons/check-circle-icon'
import { CheckDoubleIcon } from '@patternfly/react-icons/dist/esm/icons/check-double-icon'
import { CheckIcon } from '@patternfly/react-icons/dist/esm/icons/check-icon'
import css from './messages.module.css'
import { type MemberMark, type Receipts, receiptText } from './receipts.ts'

/** Names in one part of the popover; the rest is counted. */
const namesMax = 12

function Names({ title, people }: { title: string; people: MemberMark[] }) {
  if (people.length === 0) return null
  const more = people.length - namesMax
  return (
    <div className={css.receiptPart}>
      <strong>
        {title} ({people.length})
      </strong>
      <ul>
        {people.slice(0, namesMax).map((mark) => (
          <li key={mark.person} dir="auto">
            {mark.name}
          </li>
        ))}
        {more > 0 && <li>and {more} more</li>}
      </ul>
    </div>
  )
}

/** How far an own message has come; the popover answers "who has not received this?". */
export function ReceiptMark({ receipts, tabIndex }: { receipts: Receipts; tabIndex: number }) {
  const text = receiptText(receipts)
  const allRead = receipts.audience > 0 && receipts.read.length === receipts.audience
  const Icon =
    receipts.read.length > 0 ? CheckCircleIcon : receipts.delivered.length > 0 ? CheckDoubleIcon : CheckIcon
  return (
    <Popover
      aria-label="Who has this message"
      headerContent="Who has this message"
      minWidth="14rem"
      bodyContent={
        receipts.audience === 0 ? (
          'Nobody else is in this channel.'
        ) : (
          <>
            <Names title="Not delivered yet" people={receipts.waiting} />
            <Names title="Delivered, not read" people={receipts.delivered} />
            <Names title="Read" people={receipts.read} />
          </>
        )
      }
    >
      <Button
        variant="plain"
        size="sm"
        tabIndex={tabIndex}
        className={`${css.receipt} ${allRead ? css.receiptAll : ''}`}
        icon={<Icon />}
      >
        {text}
      </Button>
    </Popover>
  )
}
