-- The tables of SQLite, as the migrations make them. Made by: python -m tools.sqlite_tables
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE users (
	id VARCHAR(36) NOT NULL,
	username VARCHAR(64) NOT NULL,
	password_hash VARCHAR(255) NOT NULL,
	created_at DATETIME NOT NULL, role VARCHAR(16) DEFAULT 'user' NOT NULL, quotas JSON, name_key VARCHAR(64),
	PRIMARY KEY (id),
	UNIQUE (username)
);
CREATE TABLE sessions (
	id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	refresh_id VARCHAR(36) NOT NULL,
	expires_at DATETIME NOT NULL,
	revoked_at DATETIME,
	created_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_sessions_user_id ON sessions (user_id);
CREATE TABLE videos (
	id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	name VARCHAR(255),
	content_type VARCHAR(127) NOT NULL,
	recorded_at DATETIME,
	source VARCHAR(255),
	tags JSON NOT NULL,
	size_bytes BIGINT NOT NULL,
	sha256 VARCHAR(64) NOT NULL,
	media JSON,
	refused TEXT,
	created_at DATETIME NOT NULL, fps DOUBLE,
	PRIMARY KEY (id),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_videos_user_created ON videos (user_id, created_at, id);
CREATE TABLE jobs (
	id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	video_id VARCHAR(36) NOT NULL,
	model VARCHAR(128) NOT NULL,
	options JSON NOT NULL,
	state VARCHAR(16) NOT NULL,
	cancel_requested BOOLEAN NOT NULL,
	frames_total INTEGER,
	frames_done INTEGER NOT NULL,
	chunks_total INTEGER,
	summary JSON,
	error JSON,
	failed_ranges JSON NOT NULL,
	created_at DATETIME NOT NULL,
	started_at DATETIME,
	finished_at DATETIME, chunks_sent INTEGER DEFAULT '0' NOT NULL, changed_at DATETIME, tracks JSON, traceparent VARCHAR(55),
	PRIMARY KEY (id),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
	FOREIGN KEY(video_id) REFERENCES videos (id) ON DELETE CASCADE
);
CREATE INDEX ix_jobs_user_created ON jobs (user_id, created_at, id);
CREATE INDEX ix_jobs_state ON jobs (state);
CREATE INDEX ix_jobs_video_id ON jobs (video_id);
CREATE TABLE idempotency_keys (
	user_id VARCHAR(36) NOT NULL,
	operation VARCHAR(16) NOT NULL,
	"key" VARCHAR(255) NOT NULL,
	fingerprint VARCHAR(64) NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	created_at DATETIME NOT NULL,
	PRIMARY KEY (user_id, operation, "key"),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
	FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE INDEX ix_idempotency_keys_job_id ON idempotency_keys (job_id);
CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);
CREATE INDEX ix_jobs_finished_at ON jobs (finished_at);
CREATE TABLE uploads (
	id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	size_bytes BIGINT NOT NULL,
	facts JSON NOT NULL,
	expires_at DATETIME NOT NULL,
	created_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_uploads_user_id ON uploads (user_id);
CREATE INDEX ix_uploads_expires_at ON uploads (expires_at);
CREATE TABLE renditions (
	id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	video_id VARCHAR(36) NOT NULL,
	job_id VARCHAR(36),
	kind VARCHAR(16) NOT NULL,
	options JSON NOT NULL,
	state VARCHAR(16) NOT NULL,
	frames_total INTEGER,
	frames_done INTEGER NOT NULL,
	content_type VARCHAR(127),
	size_bytes BIGINT,
	error JSON,
	created_at DATETIME NOT NULL,
	finished_at DATETIME, changed_at DATETIME, expires_at DATETIME,
	PRIMARY KEY (id),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
	FOREIGN KEY(video_id) REFERENCES videos (id) ON DELETE CASCADE,
	FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE INDEX ix_renditions_video_id ON renditions (video_id);
CREATE INDEX ix_renditions_job_id ON renditions (job_id);
CREATE INDEX ix_renditions_state ON renditions (state);
CREATE TABLE api_tokens (
	id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	name VARCHAR(64) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	expires_at DATETIME,
	last_used_at DATETIME,
	created_at DATETIME NOT NULL, scopes JSON,
	PRIMARY KEY (id),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
	UNIQUE (digest)
);
CREATE INDEX ix_api_tokens_user_id ON api_tokens (user_id);
CREATE TABLE webhooks (
	id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	url TEXT NOT NULL,
	secret VARCHAR(64) NOT NULL,
	created_at DATETIME NOT NULL, jobs BOOLEAN DEFAULT 1 NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_webhooks_user_id ON webhooks (user_id);
CREATE TABLE audit_events (
	id VARCHAR(36) NOT NULL,
	at DATETIME NOT NULL,
	action VARCHAR(64) NOT NULL,
	user_id VARCHAR(36),
	username VARCHAR(64),
	subject VARCHAR(128),
	address VARCHAR(64),
	PRIMARY KEY (id)
);
CREATE INDEX ix_audit_events_at ON audit_events (at);
CREATE INDEX ix_audit_events_user_id ON audit_events (user_id);
CREATE INDEX ix_jobs_changed_at ON jobs (changed_at);
CREATE INDEX ix_renditions_changed_at ON renditions (changed_at);
CREATE UNIQUE INDEX ix_users_name_key ON users (name_key);
CREATE TABLE streams (
	id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	name VARCHAR(255) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	address TEXT,
	sealed BLOB,
	video_id VARCHAR(36),
	model VARCHAR(128) NOT NULL,
	options JSON NOT NULL,
	record JSON,
	wanted VARCHAR(16) NOT NULL,
	revision INTEGER NOT NULL,
	started_at DATETIME NOT NULL,
	stopped_at DATETIME,
	created_at DATETIME NOT NULL,
	changed_at DATETIME,
	PRIMARY KEY (id),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
	FOREIGN KEY(video_id) REFERENCES videos (id) ON DELETE SET NULL
);
CREATE INDEX ix_streams_user_created ON streams (user_id, created_at, id);
CREATE INDEX ix_streams_video_id ON streams (video_id);
CREATE INDEX ix_streams_changed_at ON streams (changed_at);
CREATE TABLE recordings (
	id VARCHAR(36) NOT NULL,
	stream_id VARCHAR(36),
	source_id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	video_id VARCHAR(36),
	job_id VARCHAR(36),
	state VARCHAR(16) NOT NULL,
	start BIGINT NOT NULL,
	"end" BIGINT,
	started_at DATETIME NOT NULL,
	ended_at DATETIME,
	frames INTEGER,
	size_bytes BIGINT,
	reason VARCHAR(32),
	instance VARCHAR(128) NOT NULL,
	dropped JSON,
	error JSON,
	created_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(stream_id) REFERENCES streams (id) ON DELETE SET NULL,
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
	FOREIGN KEY(video_id) REFERENCES videos (id) ON DELETE CASCADE,
	FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE SET NULL
);
CREATE INDEX ix_recordings_stream_started ON recordings (stream_id, started_at, id);
CREATE INDEX ix_recordings_user_id ON recordings (user_id);
CREATE INDEX ix_recordings_video_id ON recordings (video_id);
CREATE INDEX ix_recordings_job_id ON recordings (job_id);
CREATE INDEX ix_recordings_state ON recordings (state);
CREATE TABLE search_terms (
	id INTEGER NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	kind VARCHAR(8) NOT NULL,
	text TEXT NOT NULL,
	digest VARCHAR(64) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (user_id, kind, digest),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE indexed_jobs (
	id INTEGER NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	tracks INTEGER NOT NULL,
	ready BOOLEAN NOT NULL,
	source INTEGER,
	first_at BIGINT,
	last_at BIGINT, labels VARCHAR(64),
	PRIMARY KEY (id),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
	FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE INDEX ix_indexed_jobs_user_id ON indexed_jobs (user_id);
CREATE INDEX ix_indexed_jobs_job_id ON indexed_jobs (job_id);
CREATE TABLE tracks (
	indexed_job_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	label INTEGER NOT NULL,
	source INTEGER,
	at BIGINT NOT NULL,
	start BIGINT NOT NULL,
	length BIGINT NOT NULL,
	score SMALLINT NOT NULL,
	best_frame BIGINT NOT NULL,
	best_ms BIGINT NOT NULL,
	box_left INTEGER NOT NULL,
	box_top INTEGER NOT NULL,
	box_right INTEGER NOT NULL,
	box_bottom INTEGER NOT NULL,
	"left" SMALLINT NOT NULL,
	top SMALLINT NOT NULL,
	"right" SMALLINT NOT NULL,
	bottom SMALLINT NOT NULL,
	heading SMALLINT,
	path BLOB NOT NULL,
	PRIMARY KEY (indexed_job_id, number),
	FOREIGN KEY(indexed_job_id) REFERENCES indexed_jobs (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;
CREATE INDEX ix_tracks_label_at ON tracks (label, at, indexed_job_id, number);
CREATE INDEX ix_tracks_label_source_at ON tracks (label, source, at, indexed_job_id, number);
CREATE INDEX ix_tracks_label_score ON tracks (label, score, at, indexed_job_id, number);
CREATE TABLE scenes (
	id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	name VARCHAR(255) NOT NULL,
	zones JSON NOT NULL,
	lines JSON NOT NULL,
	revision INTEGER NOT NULL,
	created_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_scenes_user_created ON scenes (user_id, created_at, id);
CREATE TABLE alert_rules (
	id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	name VARCHAR(255) NOT NULL,
	enabled BOOLEAN NOT NULL,
	search JSON NOT NULL,
	schedule JSON,
	at_most_one_in_s INTEGER NOT NULL,
	scene_id VARCHAR(36),
	webhook_id VARCHAR(36),
	since DATETIME NOT NULL,
	limited_at DATETIME,
	created_at DATETIME NOT NULL, failed_at DATETIME, failure VARCHAR(32),
	PRIMARY KEY (id),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
	FOREIGN KEY(scene_id) REFERENCES scenes (id),
	FOREIGN KEY(webhook_id) REFERENCES webhooks (id) ON DELETE SET NULL
);
CREATE INDEX ix_alert_rules_user_created ON alert_rules (user_id, created_at, id);
CREATE INDEX ix_alert_rules_scene_id ON alert_rules (scene_id);
CREATE INDEX ix_alert_rules_webhook_id ON alert_rules (webhook_id);
CREATE TABLE alerts (
	id VARCHAR(36) NOT NULL,
	rule_id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	"key" VARCHAR(512) NOT NULL,
	at DATETIME NOT NULL,
	dated BOOLEAN NOT NULL,
	label TEXT NOT NULL,
	score SMALLINT NOT NULL,
	event VARCHAR(16),
	zone VARCHAR(64),
	line VARCHAR(64),
	direction VARCHAR(16),
	stream_id VARCHAR(36),
	video_id VARCHAR(36),
	job_id VARCHAR(36),
	track INTEGER NOT NULL,
	start BIGINT NOT NULL,
	picture BOOLEAN NOT NULL,
	seen BOOLEAN NOT NULL,
	created_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (rule_id, "key"),
	FOREIGN KEY(rule_id) REFERENCES alert_rules (id) ON DELETE CASCADE,
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
	FOREIGN KEY(stream_id) REFERENCES streams (id) ON DELETE SET NULL,
	FOREIGN KEY(video_id) REFERENCES videos (id) ON DELETE CASCADE,
	FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE SET NULL
);
CREATE INDEX ix_alerts_user_at ON alerts (user_id, at, id);
CREATE INDEX ix_alerts_rule_at ON alerts (rule_id, at, id);
CREATE INDEX ix_alerts_rule_created ON alerts (rule_id, created_at);
CREATE INDEX ix_alerts_stream_id ON alerts (stream_id);
CREATE INDEX ix_alerts_video_id ON alerts (video_id);
CREATE INDEX ix_alerts_job_id ON alerts (job_id);
CREATE TABLE alerted_jobs (
	job_id VARCHAR(36) NOT NULL,
	at DATETIME NOT NULL,
	PRIMARY KEY (job_id),
	FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE TABLE "deliveries" (
	id VARCHAR(36) NOT NULL,
	webhook_id VARCHAR(36) NOT NULL,
	job_id VARCHAR(36),
	alert_id VARCHAR(36),
	event VARCHAR(32) NOT NULL,
	state VARCHAR(16) NOT NULL,
	attempts INTEGER NOT NULL,
	next_at DATETIME NOT NULL,
	status INTEGER,
	error TEXT,
	created_at DATETIME NOT NULL,
	finished_at DATETIME,
	PRIMARY KEY (id),
	CONSTRAINT uq_deliveries_webhook_alert UNIQUE (webhook_id, alert_id),
	UNIQUE (webhook_id, job_id, event),
	FOREIGN KEY(webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE,
	FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE,
	FOREIGN KEY(alert_id) REFERENCES alerts (id) ON DELETE CASCADE
);
CREATE INDEX ix_deliveries_webhook_id ON deliveries (webhook_id);
CREATE INDEX ix_deliveries_job_id ON deliveries (job_id);
CREATE INDEX ix_deliveries_state_next ON deliveries (state, next_at);
CREATE INDEX ix_deliveries_alert_id ON deliveries (alert_id);
CREATE INDEX ix_renditions_expires_at ON renditions (expires_at);
CREATE TABLE reel_videos (
	reel_id VARCHAR(36) NOT NULL,
	video_id VARCHAR(36) NOT NULL,
	PRIMARY KEY (reel_id, video_id),
	FOREIGN KEY(reel_id) REFERENCES renditions (id) ON DELETE CASCADE,
	FOREIGN KEY(video_id) REFERENCES videos (id) ON DELETE CASCADE
);
CREATE INDEX ix_reel_videos_video_id ON reel_videos (video_id);
CREATE INDEX ix_alerts_created_at ON alerts (created_at);
CREATE INDEX ix_videos_created ON videos (created_at, id);
CREATE INDEX ix_videos_unprobed ON videos (user_id, created_at, id) WHERE media IS NULL AND refused IS NULL;
CREATE INDEX ix_jobs_user_state ON jobs (user_id, state, created_at, id);
CREATE INDEX ix_jobs_cancelled ON jobs (cancel_requested, created_at, id) WHERE cancel_requested = 1 AND finished_at IS NULL;
CREATE INDEX ix_jobs_tracks_queued ON jobs (finished_at, id) WHERE json_extract(tracks, '$.state') = 'queued';
CREATE INDEX ix_jobs_untracked ON jobs (finished_at, id) WHERE tracks IS NULL AND summary IS NOT NULL AND frames_done > 0;
CREATE INDEX ix_alerts_user_picture ON alerts (user_id, picture, at, id) WHERE picture = 1;
CREATE INDEX ix_renditions_user_kind ON renditions (user_id, kind, state, created_at, id);
CREATE INDEX ix_deliveries_webhook_created ON deliveries (webhook_id, created_at, id);
CREATE INDEX ix_audit_events_user_at ON audit_events (user_id, at, id);
CREATE INDEX ix_audit_events_action_at ON audit_events (action, at, id);
CREATE INDEX ix_audit_events_user_action ON audit_events (user_id, action, at, id);
CREATE TABLE stored_bytes (
	user_id VARCHAR(36) NOT NULL,
	videos BIGINT NOT NULL,
	renditions BIGINT NOT NULL,
	PRIMARY KEY (user_id),
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TRIGGER count_added_video AFTER INSERT ON videos BEGIN
  INSERT INTO stored_bytes (user_id, videos, renditions) VALUES (NEW.user_id, NEW.size_bytes, 0)
  ON CONFLICT (user_id) DO UPDATE SET videos = videos + excluded.videos;
END;
CREATE TRIGGER count_removed_video AFTER DELETE ON videos BEGIN
  UPDATE stored_bytes SET videos = videos - OLD.size_bytes WHERE user_id = OLD.user_id;
END;
CREATE TRIGGER count_added_rendition AFTER INSERT ON renditions WHEN NEW.state = 'ready' BEGIN
  UPDATE stored_bytes SET renditions = renditions + coalesce(NEW.size_bytes, 0) WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER count_changed_rendition AFTER UPDATE OF state, size_bytes ON renditions
WHEN OLD.state = 'ready' OR NEW.state = 'ready' BEGIN
  UPDATE stored_bytes SET renditions = renditions
    - CASE WHEN OLD.state = 'ready' THEN coalesce(OLD.size_bytes, 0) ELSE 0 END
    + CASE WHEN NEW.state = 'ready' THEN coalesce(NEW.size_bytes, 0) ELSE 0 END
  WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER count_removed_rendition AFTER DELETE ON renditions WHEN OLD.state = 'ready' BEGIN
  UPDATE stored_bytes SET renditions = renditions - coalesce(OLD.size_bytes, 0) WHERE user_id = OLD.user_id;
END;
CREATE INDEX ix_deliveries_waiting ON deliveries (webhook_id, next_at, id) WHERE finished_at IS NULL;
CREATE INDEX ix_videos_refused ON videos (user_id) WHERE refused IS NOT NULL;
CREATE INDEX ix_jobs_waiting ON jobs (user_id, created_at, id) WHERE state || '' = 'queued' AND cancel_requested = 0;
CREATE TABLE recorded_bytes (
	id INTEGER NOT NULL,
	stream_id VARCHAR(36) NOT NULL,
	bytes BIGINT NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX ix_recorded_bytes_stream_id ON recorded_bytes (stream_id);
CREATE TABLE unindexed_jobs (
	id INTEGER NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX ix_unindexed_jobs_job_id ON unindexed_jobs (job_id);
CREATE TRIGGER note_added_recording AFTER INSERT ON recordings WHEN NEW.stream_id IS NOT NULL AND NEW.state NOT IN ('open', 'closed') BEGIN
  INSERT INTO recorded_bytes (stream_id, bytes) VALUES (NEW.stream_id, coalesce(NEW.size_bytes, 0));
END;
CREATE TRIGGER note_changed_recording AFTER UPDATE OF stream_id, state, size_bytes ON recordings
WHEN (OLD.stream_id IS NOT NULL AND OLD.state NOT IN ('open', 'closed') OR NEW.stream_id IS NOT NULL AND NEW.state NOT IN ('open', 'closed'))
  AND (OLD.stream_id IS NOT NEW.stream_id OR OLD.state IS NOT NEW.state OR OLD.size_bytes IS NOT NEW.size_bytes)
BEGIN
  INSERT INTO recorded_bytes (stream_id, bytes) SELECT OLD.stream_id, -coalesce(OLD.size_bytes, 0) WHERE OLD.stream_id IS NOT NULL AND OLD.state NOT IN ('open', 'closed');
  INSERT INTO recorded_bytes (stream_id, bytes) SELECT NEW.stream_id, coalesce(NEW.size_bytes, 0) WHERE NEW.stream_id IS NOT NULL AND NEW.state NOT IN ('open', 'closed');
END;
CREATE TRIGGER note_removed_recording AFTER DELETE ON recordings WHEN OLD.stream_id IS NOT NULL AND OLD.state NOT IN ('open', 'closed') BEGIN
  INSERT INTO recorded_bytes (stream_id, bytes) VALUES (OLD.stream_id, -coalesce(OLD.size_bytes, 0));
END;
CREATE TRIGGER note_added_tracks AFTER INSERT ON jobs WHEN json_extract(NEW.tracks, '$.state') = 'ready'
  AND NOT EXISTS (SELECT 1 FROM indexed_jobs WHERE job_id = NEW.id AND ready)
BEGIN
  INSERT INTO unindexed_jobs (job_id) VALUES (NEW.id);
END;
CREATE TRIGGER note_changed_tracks AFTER UPDATE OF tracks ON jobs WHEN json_extract(NEW.tracks, '$.state') = 'ready'
  AND NOT EXISTS (SELECT 1 FROM indexed_jobs WHERE job_id = NEW.id AND ready)
BEGIN
  INSERT INTO unindexed_jobs (job_id) VALUES (NEW.id);
END;
CREATE TRIGGER note_unindexed_job AFTER UPDATE OF ready ON indexed_jobs WHEN OLD.ready AND NOT NEW.ready BEGIN
  INSERT INTO unindexed_jobs (job_id) VALUES (OLD.job_id);
END;
INSERT INTO "alembic_version" VALUES('0021');
