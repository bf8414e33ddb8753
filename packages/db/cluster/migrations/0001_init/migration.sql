-- CreateTable
CREATE TABLE "applied" (
    "id" INTEGER NOT NULL PRIMARY KEY DEFAULT 1,
    "index" INTEGER NOT NULL DEFAULT 0,
    "chain" BLOB NOT NULL,
    "at" BIGINT NOT NULL,
    "auditSeq" INTEGER NOT NULL DEFAULT 0,
    "auditHash" BLOB NOT NULL
);

-- CreateTable
CREATE TABLE "setting" (
    "key" TEXT NOT NULL PRIMARY KEY,
    "value" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "updatedAt" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "node" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "site" TEXT NOT NULL DEFAULT 'main',
    "fingerprint" TEXT NOT NULL,
    "certificate" TEXT NOT NULL,
    "addedAt" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "person" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "no" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "displayName" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "kind" TEXT NOT NULL DEFAULT 'person',
    "status" TEXT NOT NULL DEFAULT 'active',
    "passwordHash" TEXT,
    "mustChange" BOOLEAN NOT NULL DEFAULT false,
    "failedLogins" INTEGER NOT NULL DEFAULT 0,
    "lockedUntil" BIGINT NOT NULL DEFAULT 0,
    "createdAt" BIGINT NOT NULL,
    "updatedAt" BIGINT NOT NULL,
    "lastSeenAt" BIGINT
);

-- CreateTable
CREATE TABLE "recovery_code" (
    "hash" TEXT NOT NULL PRIMARY KEY,
    "personId" TEXT NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "usedAt" BIGINT,
    CONSTRAINT "recovery_code_personId_fkey" FOREIGN KEY ("personId") REFERENCES "person" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "session" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "personId" TEXT NOT NULL,
    "tokenHash" TEXT NOT NULL,
    "deviceId" TEXT,
    "userAgent" TEXT NOT NULL DEFAULT '',
    "remote" TEXT NOT NULL DEFAULT '',
    "createdAt" BIGINT NOT NULL,
    "expiresAt" BIGINT NOT NULL,
    CONSTRAINT "session_personId_fkey" FOREIGN KEY ("personId") REFERENCES "person" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "session_deviceId_fkey" FOREIGN KEY ("deviceId") REFERENCES "device" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "device" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "personId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "platform" TEXT NOT NULL,
    "site" TEXT NOT NULL DEFAULT 'main',
    "thumbprint" TEXT NOT NULL,
    "publicKey" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'pending',
    "certificate" TEXT,
    "serial" TEXT,
    "expiresAt" BIGINT,
    "tags" TEXT NOT NULL DEFAULT '[]',
    "enrolledAt" BIGINT NOT NULL,
    "decidedAt" BIGINT,
    "decidedBy" TEXT,
    "lastSeenAt" BIGINT,
    CONSTRAINT "device_personId_fkey" FOREIGN KEY ("personId") REFERENCES "person" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "group" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "createdAt" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "group_member" (
    "groupId" TEXT NOT NULL,
    "personId" TEXT NOT NULL,

    PRIMARY KEY ("groupId", "personId"),
    CONSTRAINT "group_member_groupId_fkey" FOREIGN KEY ("groupId") REFERENCES "group" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "group_member_personId_fkey" FOREIGN KEY ("personId") REFERENCES "person" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "channel" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "no" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT,
    "topic" TEXT NOT NULL DEFAULT '',
    "directKey" TEXT,
    "head" INTEGER NOT NULL DEFAULT 0,
    "floor" INTEGER NOT NULL DEFAULT 1,
    "lastAt" BIGINT NOT NULL DEFAULT 0,
    "retentionDays" INTEGER,
    "archivedAt" BIGINT,
    "createdBy" TEXT NOT NULL,
    "createdAt" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "channel_member" (
    "channelId" TEXT NOT NULL,
    "personId" TEXT NOT NULL,
    "role" TEXT NOT NULL DEFAULT 'member',
    "addedAt" BIGINT NOT NULL,

    PRIMARY KEY ("channelId", "personId"),
    CONSTRAINT "channel_member_channelId_fkey" FOREIGN KEY ("channelId") REFERENCES "channel" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "channel_group" (
    "channelId" TEXT NOT NULL,
    "groupId" TEXT NOT NULL,
    "addedAt" BIGINT NOT NULL,

    PRIMARY KEY ("channelId", "groupId"),
    CONSTRAINT "channel_group_channelId_fkey" FOREIGN KEY ("channelId") REFERENCES "channel" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "channel_group_groupId_fkey" FOREIGN KEY ("groupId") REFERENCES "group" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "message" (
    "key" INTEGER NOT NULL PRIMARY KEY,
    "sender" INTEGER NOT NULL,
    "clientId" TEXT NOT NULL,
    "at" INTEGER NOT NULL,
    "kind" INTEGER NOT NULL DEFAULT 0,
    "priority" INTEGER NOT NULL DEFAULT 0,
    "target" INTEGER,
    "revision" INTEGER,
    "body" TEXT NOT NULL
);

-- CreateTable
CREATE TABLE "mark" (
    "channelNo" INTEGER NOT NULL,
    "personNo" INTEGER NOT NULL,
    "delivered" INTEGER NOT NULL DEFAULT 0,
    "read" INTEGER NOT NULL DEFAULT 0,

    PRIMARY KEY ("personNo", "channelNo")
);

-- CreateTable
CREATE TABLE "audit_event" (
    "seq" INTEGER NOT NULL PRIMARY KEY,
    "at" BIGINT NOT NULL,
    "actor" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "target" TEXT NOT NULL,
    "event" TEXT NOT NULL,
    "hash" BLOB NOT NULL
);

-- CreateIndex
CREATE UNIQUE INDEX "node_name_key" ON "node"("name");

-- CreateIndex
CREATE UNIQUE INDEX "person_no_key" ON "person"("no");

-- CreateIndex
CREATE UNIQUE INDEX "person_name_key" ON "person"("name");

-- CreateIndex
CREATE INDEX "recovery_code_personId_idx" ON "recovery_code"("personId");

-- CreateIndex
CREATE UNIQUE INDEX "session_tokenHash_key" ON "session"("tokenHash");

-- CreateIndex
CREATE INDEX "session_personId_idx" ON "session"("personId");

-- CreateIndex
CREATE INDEX "session_deviceId_idx" ON "session"("deviceId");

-- CreateIndex
CREATE INDEX "session_expiresAt_idx" ON "session"("expiresAt");

-- CreateIndex
CREATE UNIQUE INDEX "device_thumbprint_key" ON "device"("thumbprint");

-- CreateIndex
CREATE INDEX "device_personId_idx" ON "device"("personId");

-- CreateIndex
CREATE INDEX "device_status_idx" ON "device"("status");

-- CreateIndex
CREATE UNIQUE INDEX "group_name_key" ON "group"("name");

-- CreateIndex
CREATE INDEX "group_member_personId_idx" ON "group_member"("personId");

-- CreateIndex
CREATE UNIQUE INDEX "channel_no_key" ON "channel"("no");

-- CreateIndex
CREATE UNIQUE INDEX "channel_name_key" ON "channel"("name");

-- CreateIndex
CREATE UNIQUE INDEX "channel_directKey_key" ON "channel"("directKey");

-- CreateIndex
CREATE INDEX "channel_member_personId_idx" ON "channel_member"("personId");

-- CreateIndex
CREATE UNIQUE INDEX "message_sender_clientId_key" ON "message"("sender", "clientId");

-- CreateIndex
CREATE INDEX "audit_event_action_seq_idx" ON "audit_event"("action", "seq");

-- CreateIndex
CREATE INDEX "audit_event_actor_seq_idx" ON "audit_event"("actor", "seq");

-- CreateIndex
CREATE INDEX "audit_event_target_seq_idx" ON "audit_event"("target", "seq");

-- CreateIndex
CREATE INDEX "audit_event_at_idx" ON "audit_event"("at");


