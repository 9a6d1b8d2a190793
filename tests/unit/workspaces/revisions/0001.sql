BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE annotation_revision (
	annotation_id VARCHAR(24) NOT NULL, 
	revision INTEGER NOT NULL, 
	task_id VARCHAR(24) NOT NULL, 
	person_id VARCHAR(24) NOT NULL, 
	platform VARCHAR(32) NOT NULL, 
	response_id TEXT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	answers JSON NOT NULL, 
	content_hash VARCHAR(24) NOT NULL, 
	updated_at DATETIME NOT NULL, 
	synced_at DATETIME NOT NULL, 
	CONSTRAINT pk_annotation_revision PRIMARY KEY (annotation_id, revision), 
	CONSTRAINT fk_annotation_revision_task_id FOREIGN KEY(task_id) REFERENCES task (task_id)
);
INSERT INTO "annotation_revision" VALUES('t1/ada',1,'t1','ada','argilla','r-t1/ada','submitted','{"instruction": "yes", "helpful": "yes", "factual": "yes", "style": "yes", "sensitive": "yes", "toxic": "yes", "suggestion": "Sch\u00f6ner geschrieben: it''s \"better\", 100 %, \u2028 in full."}','c1','2026-05-01 12:00:00.000000','2026-05-01 12:00:30.000000');
INSERT INTO "annotation_revision" VALUES('t1/bo',1,'t1','bo','argilla','r-t1/bo','submitted','{"instruction": "yes", "helpful": "yes", "factual": "yes", "style": "yes", "sensitive": "yes", "toxic": "yes"}','c1','2026-05-01 12:00:00.000000','2026-05-01 12:00:30.000000');
INSERT INTO "annotation_revision" VALUES('t2/ada',1,'t2','ada','argilla','r-t2/ada','submitted','{"preference": "tie"}','c1','2026-05-01 12:03:00.000000','2026-05-01 12:03:30.000000');
INSERT INTO "annotation_revision" VALUES('t1/ada',2,'t1','ada','argilla','r-t1/ada','submitted','{"instruction": "yes", "helpful": "yes", "factual": "yes", "style": "yes", "sensitive": "yes", "toxic": "yes"}','c2','2026-05-01 12:05:00.000000','2026-05-01 12:05:30.000000');
INSERT INTO "annotation_revision" VALUES('t1/bo',2,'t1','bo','argilla','r-t1/bo','deleted','{}','c2','2026-05-01 12:06:00.000000','2026-05-01 12:06:30.000000');
CREATE TABLE confidence (
	snapshot_at DATETIME NOT NULL, 
	person_id VARCHAR(24) NOT NULL, 
	question VARCHAR(64) NOT NULL, 
	value FLOAT NOT NULL, 
	low FLOAT NOT NULL, 
	high FLOAT NOT NULL, 
	n_answers INTEGER NOT NULL, 
	n_divergent FLOAT NOT NULL, 
	multiplier FLOAT NOT NULL, 
	CONSTRAINT pk_confidence PRIMARY KEY (snapshot_at, person_id, question)
);
INSERT INTO "confidence" VALUES('2026-05-01 12:00:00.000000','bo','overall',0.8,0.5,0.95,9,1.5,0.85);
CREATE TABLE conversation (
	conversation_id TEXT NOT NULL, 
	content_hash VARCHAR(24) NOT NULL, 
	part TEXT NOT NULL, 
	giver_id VARCHAR(24), 
	state VARCHAR(16) NOT NULL, 
	share_at DATETIME NOT NULL, 
	added_at DATETIME NOT NULL, 
	CONSTRAINT pk_conversation PRIMARY KEY (conversation_id)
);
INSERT INTO "conversation" VALUES('c','hhhhhhhhhhhhhhhhhhhhhhhh','part-1.parquet',NULL,'shared','2026-05-01 12:00:00.000000','2026-05-01 12:00:00.000000');
INSERT INTO "conversation" VALUES('d','iiiiiiiiiiiiiiiiiiiiiiii','part-1.parquet','ada','held','2026-05-01 12:09:00.000000','2026-05-01 12:00:00.000000');
CREATE TABLE ledger_entry (
	sequence INTEGER NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	amount BIGINT NOT NULL, 
	CONSTRAINT pk_ledger_entry PRIMARY KEY (sequence, account), 
	CONSTRAINT ck_ledger_entry_amount_not_zero CHECK (amount <> 0), 
	CONSTRAINT fk_ledger_entry_sequence FOREIGN KEY(sequence) REFERENCES ledger_transaction (sequence)
);
INSERT INTO "ledger_entry" VALUES(1,'person:ada',6);
INSERT INTO "ledger_entry" VALUES(1,'treasury',-6);
INSERT INTO "ledger_entry" VALUES(2,'person:ada',8);
INSERT INTO "ledger_entry" VALUES(2,'treasury',-8);
INSERT INTO "ledger_entry" VALUES(3,'person:bo',5);
INSERT INTO "ledger_entry" VALUES(3,'treasury',-5);
INSERT INTO "ledger_entry" VALUES(4,'person:ada',4);
INSERT INTO "ledger_entry" VALUES(4,'treasury',-4);
INSERT INTO "ledger_entry" VALUES(5,'person:ada',-8);
INSERT INTO "ledger_entry" VALUES(5,'treasury',8);
INSERT INTO "ledger_entry" VALUES(6,'person:bo',-5);
INSERT INTO "ledger_entry" VALUES(6,'treasury',5);
CREATE TABLE ledger_transaction (
	sequence INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	request_hash VARCHAR(64) NOT NULL, 
	reason TEXT NOT NULL, 
	rules_version VARCHAR(64) NOT NULL, 
	event_at DATETIME NOT NULL, 
	created_at DATETIME NOT NULL, 
	previous_hash VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_ledger_transaction PRIMARY KEY (sequence), 
	CONSTRAINT uq_ledger_transaction_hash UNIQUE (hash), 
	CONSTRAINT uq_ledger_transaction_key UNIQUE ("key")
);
INSERT INTO "ledger_transaction" VALUES(1,'settle/ada/t1/qualities/1','f00546dd65819073a9abf3965e7004e40ed05655deea3b58ccd3bf95891b3428','qualities of a qualitative task of medium significance','1','2026-05-01 12:00:00.000000','2026-05-01 13:00:00.000000','0000000000000000000000000000000000000000000000000000000000000000','8c75ecb26a064489428e81c479d33b4b168bf7fd0027f7a1253544dee064bc56');
INSERT INTO "ledger_transaction" VALUES(2,'settle/ada/t1/suggestion/1','961dfca0bfdc8b9837f333df2b444332b47ad84b8c402251b2fd6df606128281','suggestion of a qualitative task of medium significance','1','2026-05-01 12:00:00.000000','2026-05-01 13:00:00.000000','8c75ecb26a064489428e81c479d33b4b168bf7fd0027f7a1253544dee064bc56','5992578b302294d9859d59b943e87c54108e14f23d26cadb953262e5940fff53');
INSERT INTO "ledger_transaction" VALUES(3,'settle/bo/t1/qualities/1','fe2f9402ddb854dea9953e35fc62173d91788820a8d21eea5f43650ec64e8c5d','qualities of a qualitative task of medium significance, times 0.85 for confidence','1','2026-05-01 12:00:00.000000','2026-05-01 13:00:00.000000','5992578b302294d9859d59b943e87c54108e14f23d26cadb953262e5940fff53','7e5446f0bd05d6101a3de3eafb787818fb9b3fc4075673bcf1e6ecd70d16f123');
INSERT INTO "ledger_transaction" VALUES(4,'settle/ada/t2/preference/1','6898414ef30c27eecffde9985a0cccc8ac490a92d70d26516f207d3d6e2d9279','preference of a preference task of medium significance','1','2026-05-01 12:03:00.000000','2026-05-01 13:00:00.000000','7e5446f0bd05d6101a3de3eafb787818fb9b3fc4075673bcf1e6ecd70d16f123','ac3845c3d9132d368300dda6d168597e5830a73e577fe36c120a4626ac416008');
INSERT INTO "ledger_transaction" VALUES(5,'settle/ada/t1/suggestion/2','22f9147177df1565669bca8a94b50d20ce7bdbdf25f72db448c06ac4194cdbe8','suggestion of a qualitative task of medium significance: corrected, the answer is now submitted (revision 2)','1','2026-05-01 12:05:00.000000','2026-05-01 13:00:00.000000','ac3845c3d9132d368300dda6d168597e5830a73e577fe36c120a4626ac416008','39d4997ad681b957f25d8f03aeac10a44909b3d0d6d4e1d90cce6a1913d44ec8');
INSERT INTO "ledger_transaction" VALUES(6,'settle/bo/t1/qualities/2','3c642d5d91b2c3a8fd7bec658814b2f7cce97d8f8f6697f8ab6725de4dff0dc7','qualities of a qualitative task of medium significance: corrected, the answer is now deleted (revision 2)','1','2026-05-01 12:06:00.000000','2026-05-01 13:00:00.000000','39d4997ad681b957f25d8f03aeac10a44909b3d0d6d4e1d90cce6a1913d44ec8','5a2220f1c174cc8a1165ec9a35f5c1359c87f63470f84a78dfe99a397ffec3f7');
CREATE TABLE person (
	identity_hmac VARCHAR(64) NOT NULL, 
	person_id VARCHAR(24) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_person PRIMARY KEY (identity_hmac)
);
INSERT INTO "person" VALUES('0000000000000000000000000000000000000000000000000000000000000000','ada','2026-05-01 12:00:00.000000');
INSERT INTO "person" VALUES('0000000000000000000000000000000000000000000000000000000000000001','bo','2026-05-01 12:00:00.000000');
CREATE TABLE placement (
	task_id VARCHAR(24) NOT NULL, 
	remote_id TEXT NOT NULL, 
	container_id TEXT NOT NULL, 
	pushed_at DATETIME NOT NULL, 
	CONSTRAINT pk_placement PRIMARY KEY (task_id), 
	CONSTRAINT fk_placement_task_id FOREIGN KEY(task_id) REFERENCES task (task_id)
);
INSERT INTO "placement" VALUES('t1','17','dataset-1','2026-05-01 12:00:00.000000');
CREATE TABLE seed_feedback (
	message_id TEXT NOT NULL, 
	agent TEXT NOT NULL, 
	prompt_version VARCHAR(32) NOT NULL, 
	tags JSON NOT NULL, 
	significance VARCHAR(8) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_seed_feedback PRIMARY KEY (message_id, agent, prompt_version)
);
INSERT INTO "seed_feedback" VALUES('c#1','rater','1','{"instruction": "yes", "helpful": "yes", "factual": "yes", "style": "yes", "sensitive": "yes", "toxic": "yes"}','medium','2026-05-01 12:00:00.000000');
CREATE TABLE settlement (
	person_id VARCHAR(24) NOT NULL, 
	task_id VARCHAR(24) NOT NULL, 
	part VARCHAR(32) NOT NULL, 
	sequence INTEGER NOT NULL, 
	annotation_id VARCHAR(24) NOT NULL, 
	revision INTEGER NOT NULL, 
	multiplier FLOAT NOT NULL, 
	delta BIGINT NOT NULL, 
	CONSTRAINT pk_settlement PRIMARY KEY (person_id, task_id, part, sequence), 
	CONSTRAINT fk_settlement_sequence FOREIGN KEY(sequence) REFERENCES ledger_transaction (sequence)
);
INSERT INTO "settlement" VALUES('ada','t1','qualities',1,'t1/ada',1,1.0,6);
INSERT INTO "settlement" VALUES('ada','t1','suggestion',2,'t1/ada',1,1.0,8);
INSERT INTO "settlement" VALUES('bo','t1','qualities',3,'t1/bo',1,0.85,5);
INSERT INTO "settlement" VALUES('ada','t2','preference',4,'t2/ada',1,1.0,4);
INSERT INTO "settlement" VALUES('ada','t1','suggestion',5,'t1/ada',2,1.0,-8);
INSERT INTO "settlement" VALUES('bo','t1','qualities',6,'t1/bo',2,0.85,-5);
CREATE TABLE task (
	task_id VARCHAR(24) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	message_ids JSON NOT NULL, 
	conversation_ids JSON NOT NULL, 
	significance VARCHAR(8) NOT NULL, 
	quote JSON NOT NULL, 
	rules_version VARCHAR(64) NOT NULL, 
	platform VARCHAR(32) NOT NULL, 
	overlap INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_task PRIMARY KEY (task_id)
);
INSERT INTO "task" VALUES('t1','qualitative','["c#1"]','["c"]','medium','{"qualities": 6, "suggestion": 8}','1','argilla',3,'2026-05-01 12:00:00.000000');
INSERT INTO "task" VALUES('t2','preference','["c#1", "c#3"]','["c", "c"]','medium','{"preference": 4}','1','label_studio',3,'2026-05-01 12:00:00.000000');
CREATE INDEX ix_conversation_content_hash ON conversation (content_hash);
CREATE INDEX ix_conversation_giver_id ON conversation (giver_id);
CREATE INDEX ix_person_person_id ON person (person_id);
CREATE INDEX ix_annotation_revision_person_id ON annotation_revision (person_id);
CREATE INDEX ix_annotation_revision_task_id ON annotation_revision (task_id);
CREATE INDEX ix_ledger_entry_account ON ledger_entry (account);
CREATE TRIGGER ledger_transaction_no_update BEFORE UPDATE ON ledger_transaction BEGIN SELECT RAISE(ABORT, 'ledger_transaction is append-only'); END;
CREATE TRIGGER ledger_transaction_no_delete BEFORE DELETE ON ledger_transaction BEGIN SELECT RAISE(ABORT, 'ledger_transaction is append-only'); END;
CREATE TRIGGER ledger_entry_no_update BEFORE UPDATE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger_entry is append-only'); END;
CREATE TRIGGER ledger_entry_no_delete BEFORE DELETE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger_entry is append-only'); END;
CREATE TRIGGER settlement_no_update BEFORE UPDATE ON settlement BEGIN SELECT RAISE(ABORT, 'settlement is append-only'); END;
CREATE TRIGGER settlement_no_delete BEFORE DELETE ON settlement BEGIN SELECT RAISE(ABORT, 'settlement is append-only'); END;
COMMIT;
