'use client'

import {
  Drawer,
  DrawerActions,
  DrawerCloseButton,
  DrawerContent,
  DrawerContentBody,
  DrawerHead,
  DrawerPanelBody,
  DrawerPanelContent,
  Title,
} from '@patternfly/react-core'
import { type ReactNode, useRef } from 'react'
import css from './detail.module.css'

interface DetailDrawerProps {
  isOpen: boolean
  /** What is shown: a name. */
  title: ReactNode
  /** Labels below the title. */
  status?: ReactNode
  actions?: ReactNode
  detail: ReactNode
  onClose: () => void
  /** The page beside it. */
  children: ReactNode
}

/** A page with the detail of one of its rows at the side; on a narrow screen the detail covers the page. */
export function DetailDrawer({
  isOpen,
  title,
  status,
  actions,
  detail,
  onClose,
  children,
}: DetailDrawerProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  return (
    <Drawer
      isExpanded={isOpen}
      className={css.drawer}
      onExpand={() => heading.current?.focus()}
      onKeyDown={(event) => {
        // A dialog or menu on top takes Escape for itself and marks it as handled.
        if (event.key === 'Escape' && isOpen && !event.defaultPrevented) onClose()
      }}
    >
      <DrawerContent
        panelContent={
          <DrawerPanelContent widths={{ default: 'width_50' }} className={css.panel}>
            <DrawerHead>
              <Title headingLevel="h2" size="lg" className={css.title}>
                <span ref={heading} tabIndex={-1} dir="auto">
                  {title}
                </span>
              </Title>
              {status !== undefined && <div className={css.status}>{status}</div>}
              <DrawerActions>
                <DrawerCloseButton aria-label="Close the detail" onClose={onClose} />
              </DrawerActions>
            </DrawerHead>
            {actions !== undefined && <DrawerPanelBody className={css.actions}>{actions}</DrawerPanelBody>}
            <DrawerPanelBody>{isOpen && detail}</DrawerPanelBody>
          </DrawerPanelContent>
        }
      >
        <DrawerContentBody>{children}</DrawerContentBody>
      </DrawerContent>
    </Drawer>
  )
}
